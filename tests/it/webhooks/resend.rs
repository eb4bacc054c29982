//! What was given up is sent once more when somebody asks for it.

use super::{HOUR_MS, Stage, on_each, open, pairs, story};
use anteroom::manage::ManageError;
use anteroom::manage::webhooks::{self, ResendOrder, WebhookPatch};
use anteroom::model::{DeliveryState, WebhookId};
use anteroom::store::audit;

impl Stage<'_> {
    async fn resend(&self, id: &WebhookId, delivery: Option<&str>, since: Option<&str>) -> Result<u64, ManageError> {
        let order = ResendOrder { delivery: delivery.map(str::to_owned), since: since.map(str::to_owned) };
        let mut tx = self.house.write().await;
        let resent = webhooks::resend(&mut tx, &self.acting(), id, &order).await?;
        tx.commit().await.unwrap();
        Ok(resent.count)
    }

    /// Two bookings that the receiver did not take for a day.
    async fn given_up(&self) {
        self.receiver.answers(503, "");
        self.book("a", 9).await;
        self.house.clock.advance_ms(1_000);
        self.book("b", 10).await;
        self.told().await;
        self.house.clock.advance_ms(25 * HOUR_MS);
        self.courier.keep_house().await.unwrap();
    }
}

#[actix_web::test]
async fn what_was_given_up_is_sent_once_more_when_somebody_asks() {
    on_each(async |house| {
        let stage = Stage::new(house).await;
        let (id, secret) = stage.plain().await;
        stage.given_up().await;
        let failed = stage.deliveries(&id).await;
        assert!(failed.iter().all(|one| one.state == DeliveryState::Failed) && failed.len() == 2, "newest first");
        let (newer, older) = (&failed[0], &failed[1]);

        assert_eq!(stage.resend(&id, Some(&older.id), None).await.unwrap(), 1);
        stage.courier.keep_house().await.unwrap();
        assert!(!stage.told().await.is_empty(), "the receiver is still down");
        stage.courier.keep_house().await.unwrap();
        let state = |one: &str, all: &[super::Delivery]| all.iter().find(|other| other.id == one).map(|one| one.state);
        assert_eq!(
            state(&older.id, &stage.deliveries(&id).await),
            Some(DeliveryState::Pending),
            "tried for a day again"
        );
        assert!(matches!(stage.resend(&id, Some(&older.id), None).await, Err(ManageError::State { .. })));
        stage.receiver.answers(204, "");
        let told = stage.later(600_000).await;
        assert_eq!(story(&told), pairs(&[("booking.created", "a")]));
        assert_eq!(told[0].headers["webhook-id"], older.id, "the same thing by the same id");
        open(&told[0], &secret);

        let (after, since) = (newer.at_ms.plus_ms(1_000).to_string(), older.at_ms.to_string());
        assert_eq!(stage.resend(&id, None, Some(&after)).await.unwrap(), 0);
        assert_eq!(stage.resend(&id, None, Some(&since)).await.unwrap(), 1, "what was taken is not sent again");
        assert_eq!(story(&stage.later(600_000).await), pairs(&[("booking.created", "b")]));
        let entries = audit::latest(&mut house.read().await, house.tenant(), 50).await.unwrap();
        let told: Vec<&str> =
            entries.iter().filter(|one| one.action == "webhook.resend").map(|one| one.detail.as_str()).collect();
        assert_eq!(told.len(), 3, "{told:?}");
        assert!(told.iter().any(|one| one.contains(&older.id)), "{told:?}");
    })
    .await;
}

#[actix_web::test]
async fn what_cannot_be_sent_again_is_refused() {
    on_each(async |house| {
        let stage = Stage::new(house).await;
        let (id, _) = stage.plain().await;
        stage.given_up().await;
        let failed = stage.deliveries(&id).await;
        let (one, now) = (failed[0].id.as_str(), house.now().to_string());
        for (delivery, since) in [(None, None), (Some(one), Some(now.as_str())), (None, Some("yesterday"))] {
            let refused = stage.resend(&id, delivery, since).await;
            assert!(matches!(refused, Err(ManageError::Invalid { .. })), "{delivery:?} {since:?}: {refused:?}");
        }
        assert!(matches!(stage.resend(&id, Some("nothing"), None).await, Err(ManageError::NotFound { .. })));
        let (other, _) = stage.hook("other", &[], &[], anteroom::model::DetailLevel::Busy).await;
        let strange = stage.resend(&other, Some(one), None).await;
        assert!(matches!(strange, Err(ManageError::NotFound { .. })), "a delivery belongs to its webhook: {strange:?}");
        stage.patch(&id, WebhookPatch { paused: Some(true), ..WebhookPatch::default() }).await;
        assert!(matches!(stage.resend(&id, Some(one), None).await, Err(ManageError::State { .. })));
    })
    .await;
}
