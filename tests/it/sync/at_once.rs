//! Somebody writes into a room at the very moment in which a change of the remote side is taken over: on PostgreSQL two
//! transactions run side by side, and each must decide by what the other has left.

use super::scene::{CALENDAR, Scene, event};
use crate::house::on_both;

on_both!(what_somebody_writes_while_a_change_is_being_read_is_not_overwritten, |house| async {
    let scene = Scene::new(house, 1).await;
    scene.put(&event("a", "Budget", 3, 9)).await.unwrap();
    scene.rest().await;
    let id = scene.remote_id("Budget");
    scene.remote().change(CALENDAR, &id, |event| event.content.location = "Upstairs".to_owned());
    scene.hint().await;
    let mut edited = scene.hub().await.remove("a").unwrap();
    edited.content.description = "Bring the figures".to_owned();
    scene.run_while_somebody_puts(&edited).await;
    scene.settle().await;
    let hub = &scene.hub().await["a"].content;
    assert_eq!((hub.location.as_str(), hub.description.as_str()), ("Upstairs", "Bring the figures"));
    assert_eq!(scene.remote().events(CALENDAR)[0].1.content, *hub);
});

on_both!(what_comes_from_two_sides_at_once_is_one_booking, |house| async {
    let scene = Scene::new(house, 1).await;
    scene.rest().await;
    scene.remote().book(CALENDAR, event("x", "Choir", 3, 9));
    scene.hint().await;
    scene.run_while_somebody_puts(&event("y", "Choir", 3, 9)).await;
    scene.settle().await;
    assert_eq!((scene.titles().await, scene.remote_titles(0)), (vec!["Choir".to_owned()], vec!["Choir".to_owned()]));
    assert_eq!(scene.conflicts().await.len(), 0);
});
