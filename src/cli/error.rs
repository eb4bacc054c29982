//! Why a command failed: a sentence and an exit code.

use crate::config::ConfigError;
use crate::crypt::CryptError;
use crate::manage::ManageError;
use crate::store::StoreError;
use crate::sync::SyncError;

/// A refusal.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// The configuration or an argument cannot be used.
    #[error("{0}")]
    Usage(String),
    /// The configuration cannot be used.
    #[error("the configuration cannot be used:\n{0}")]
    Config(#[from] ConfigError),
    /// What was asked for could not be done.
    #[error("{0}")]
    Failed(String),
    /// What `manage` refuses.
    #[error(transparent)]
    Manage(#[from] ManageError),
    /// The database.
    #[error("{}", with_cause(.0))]
    Store(#[from] StoreError),
    /// The reconciler.
    #[error(transparent)]
    Sync(#[from] SyncError),
    /// Keys.
    #[error(transparent)]
    Crypt(#[from] CryptError),
    /// Standard output is closed.
    #[error("the answer could not be written: {0}")]
    Output(#[from] std::io::Error),
}

impl CliError {
    /// 2 for wrong usage and configuration, 1 for everything else.
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) | Self::Config(_) | Self::Manage(ManageError::Invalid { .. }) => 2,
            Self::Failed(_) | Self::Manage(_) | Self::Store(_) | Self::Sync(_) | Self::Crypt(_) | Self::Output(_) => 1,
        }
    }
}

/// The error with its causes: who runs commands may see them.
fn with_cause(error: &StoreError) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}
