//! Backups on a schedule: when the newest one on the shelf is old enough, one replica makes the next, and removes those that
//! have outlived the policy. Nothing is remembered between two looks but the shelf itself.

use crate::bridge::shelf::S3;
use crate::bridge::shelf::Shelf;
use crate::config::Backup;
use crate::crypt::Lock;
use crate::manage::ManageError;
use crate::manage::backup::{self, Keep};
use crate::model::Clock;
use crate::observe::Metrics;
use crate::observe::names;
use crate::store::Store;
use crate::store::leases;
use crate::store::leases::Lease;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// How often the shelf is looked at.
const LOOK: Duration = Duration::from_mins(1);
/// How long a replica has the shelf for itself, and how often it says that it goes on.
const LEASE_MS: i64 = 180_000;
const EXTEND: Duration = Duration::from_mins(1);
/// Looks that are left out after a failure.
const REST: u32 = 10;
const HOUR_MS: i64 = 3_600_000;

/// How the configured store is reached.
pub(crate) fn s3(config: &Backup) -> S3 {
    S3 {
        endpoint: config.s3_endpoint.clone(),
        region: config.s3_region.clone(),
        access_key: config.s3_access_key.clone(),
        secret_key: config.s3_secret_key.clone(),
    }
}

/// What makes backups.
pub(super) struct Backups {
    pub(super) store: Store,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) config: Backup,
    pub(super) shelf: Shelf,
    /// Where one is made that is sent away afterwards.
    pub(super) bench: PathBuf,
    /// The name under which this process takes leases.
    pub(super) owner: String,
}

impl Backups {
    /// Works until it is told to stop; one that is under way then is given up, and the next start makes it.
    pub(super) async fn run(self, mut stop: impl Future<Output = ()> + Unpin) {
        let mut interval = tokio::time::interval(LOOK);
        let mut rests = 0_u32;
        loop {
            tokio::select! {
                () = &mut stop => return,
                _ = interval.tick() => {}
            }
            if rests > 0 {
                rests -= 1;
                continue;
            }
            let looked = tokio::select! {
                () = &mut stop => return,
                looked = self.look() => looked,
            };
            if let Err(error) = looked {
                tracing::error!("a backup could not be made: {error}");
                self.metrics.add(&names::BACKUPS, &["failed"], 1);
                rests = REST;
            }
        }
    }

    async fn look(&self) -> Result<(), ManageError> {
        if !self.is_due().await? {
            return Ok(());
        }
        let Some(lease) = self.lease().await? else { return Ok(()) };
        let done = tokio::select! {
            done = self.make() => done,
            error = self.extend(&lease) => Err(error),
        };
        let mut tx = self.store.begin_write().await?;
        leases::release(&mut tx, &lease).await?;
        tx.commit().await?;
        done
    }

    /// Whether the newest backup is old enough, told to the operator on the way.
    async fn is_due(&self) -> Result<bool, ManageError> {
        let newest = backup::newest(&self.shelf, None).await?.map(|(at, _)| at);
        if let Some(at) = newest {
            self.metrics.set(&names::BACKUP_TIME, &[], seconds(at.ms()));
        }
        let every = i64::try_from(self.config.every_hours).unwrap_or(i64::MAX).saturating_mul(HOUR_MS);
        Ok(newest.is_none_or(|at| self.clock.now().ms().saturating_sub(at.ms()) >= every))
    }

    async fn lease(&self) -> Result<Option<Lease>, ManageError> {
        let mut tx = self.store.begin_write().await?;
        let now = leases::time(&mut tx).await?;
        let lease = leases::acquire(&mut tx, "backup", &self.owner, now, now.plus_ms(LEASE_MS)).await?;
        tx.commit().await?;
        Ok(lease)
    }

    /// Keeps the lease for as long as the work goes on; ends when it is lost.
    async fn extend(&self, lease: &Lease) -> ManageError {
        loop {
            tokio::time::sleep(EXTEND).await;
            match self.renew(lease).await {
                Ok(true) => {}
                Ok(false) => {
                    return ManageError::State { why: "another process makes the backup now".to_owned() };
                }
                Err(error) => return error,
            }
        }
    }

    async fn renew(&self, lease: &Lease) -> Result<bool, ManageError> {
        let mut tx = self.store.begin_write().await?;
        let until = leases::time(&mut tx).await?.plus_ms(LEASE_MS);
        let holds = leases::renew(&mut tx, lease, until).await?;
        tx.commit().await?;
        Ok(holds)
    }

    async fn make(&self) -> Result<(), ManageError> {
        // Somebody else may have made it while the lease was waited for.
        if !self.is_due().await? {
            return Ok(());
        }
        let (now, lock) = (self.clock.now(), Lock::parse(&self.config.recipients())?);
        let place = (&self.shelf, self.bench.as_path(), None);
        let (name, made) = backup::make_at(&self.store, None, lock, place, now).await?;
        tracing::info!(%name, rows = made.rows, bytes = made.bytes, "a backup was made");
        self.metrics.add(&names::BACKUPS, &["made"], 1);
        self.metrics.set(&names::BACKUP_TIME, &[], seconds(now.ms()));
        let config = &self.config;
        let keep = Keep { daily: config.keep_daily, weekly: config.keep_weekly, monthly: config.keep_monthly };
        for name in backup::prune(&self.shelf, None, keep).await? {
            tracing::info!(%name, "a backup has outlived the policy");
        }
        Ok(())
    }
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds of this millennium stay far below 2^53")]
const fn seconds(ms: i64) -> f64 {
    ms as f64 / 1000.0
}
