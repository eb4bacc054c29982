//! `anteroom keys`: the keys that secrets are sealed with.

use super::Common;
use super::desk::Desk;
use super::error::CliError;
use super::print;
use crate::api::view::KeysView;
use crate::manage::keys;
use crate::store::tenants;
use clap::Subcommand;
use std::io::Write;

/// The keys that secrets are sealed with.
#[derive(Debug, Subcommand)]
pub(crate) enum Keys {
    /// Say which keys there are, how many secrets are sealed with each, and how far the last rotation has come
    Status,
    /// Make a new key; running servers begin to use it within half a minute and seal everything anew
    Rotate,
}

impl Keys {
    pub(super) async fn run(self, common: &Common, out: &mut impl Write) -> Result<(), CliError> {
        let desk = Desk::open(common).await?;
        let mut sentences = Vec::new();
        if matches!(self, Self::Rotate) {
            let made = desk.vault.make(desk.acting().now).await?;
            let mut tx = desk.write().await?;
            keys::rotate(&mut tx, &desk.acting(), &made).await?;
            tx.commit().await?;
            sentences.push(format!(
                "Key {} was made. It seals from half a minute from now on; running servers seal the rest anew.",
                made.id
            ));
        }
        desk.vault.check(&desk.keys.ring).await?;
        let report = desk.vault.report(&desk.keys.ring, desk.acting().now).await?;
        let view = KeysView::of(report, &tenants::list(&mut desk.read().await?).await?);
        sentences.extend(told(&view));
        print::one(common, out, &view, &sentences)
    }
}

fn told(view: &KeysView) -> Vec<String> {
    let mut told = vec![format!(
        "Master key: {}. {} secrets are stored, {} of them are still to be sealed anew.",
        view.master_key, view.values, view.left
    )];
    let keys = view.keys.iter();
    told.extend(keys.map(|key| format!("{} ({}): {} secrets", key.id, print::word(&key.state), key.values)));
    let closed = view.closed.iter();
    told.extend(closed.map(|one| format!("Tenant {} is NOT synchronised: {}", one.tenant, one.why)));
    told
}
