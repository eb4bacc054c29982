//! Nothing is answered from memory that a write could have made stale. Readers of every kind and writers race over real
//! HTTP, through two processes' worth of doors on one database; every answer has to be the state after some prefix of the
//! change log: not older than the last write that was acknowledged before the question, and not older than what the same
//! reader saw before. Rights and descriptions are changed meanwhile, past the doors, as the command line does.

mod history;
mod readers;
mod stage;
mod writers;

use crate::house::{on_both, scaled};
use history::History;
use stage::Stage;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Bookings that each writer puts, changes and deletes.
const ACTS: usize = 60;
/// Changes of rights and descriptions.
const DECISIONS: usize = 60;
/// What a run is worth: with fewer answers than this it proves little.
const LEAST_READS: usize = 400;

on_both!(every_answer_is_the_state_after_a_prefix_of_the_change_log, |house| async {
    let stage = Stage::build(house).await;
    let history = History::new(&stage);
    tokio::task::block_in_place(|| writers::keep_secret(&stage, &history));
    let runtime = tokio::runtime::Handle::current();
    let (stage_ref, history_ref) = (&stage, &history);
    let seen = tokio::task::block_in_place(|| {
        std::thread::scope(|scope| {
            let readers: Vec<_> =
                readers::all(stage_ref).into_iter().map(|reader| scope.spawn(|| reader.run(history_ref))).collect();
            let mut writers: Vec<_> = (0..writers::OWN)
                .map(|number| scope.spawn(move || writers::write(stage_ref, history_ref, number, scaled(ACTS))))
                .collect();
            for number in 0..2 {
                writers.push(scope.spawn(move || writers::contend(stage_ref, history_ref, number, scaled(ACTS) / 2)));
            }
            let decider = scope.spawn(|| runtime.block_on(writers::decide(stage_ref, history_ref, scaled(DECISIONS))));
            for writer in writers {
                writer.join().unwrap();
            }
            decider.join().unwrap();
            // Once more with nobody writing: what is kept now is what stands.
            std::thread::sleep(Duration::from_millis(300));
            history_ref.over.store(true, Ordering::SeqCst);
            readers.into_iter().map(|reader| reader.join().unwrap()).collect::<Vec<_>>()
        })
    });
    let truth = history.truth(house).await;
    for (name, seen) in &seen {
        assert!(!seen.is_empty(), "{name} never read");
        truth.judge(name, seen);
    }
    let reads: usize = seen.iter().map(|(_, seen)| seen.len()).sum();
    println!("{reads} answers of {} readers fit {} states", seen.len(), truth.states());
    assert!(reads > LEAST_READS, "{reads} answers are too few to prove anything");
    stage.close().await;
});
