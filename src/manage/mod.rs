//! Floor 4: what administrators do, once for the REST interface and the command line.
//!
//! Every function works inside the caller's transaction, checks its input by parsing it, and leaves an audit entry in
//! the same transaction. No function commits.

mod arrival;
mod audit;
mod error;
mod slug;

pub mod alerts;
pub mod api_keys;
pub mod approvals;
pub mod backup;
pub mod bookings;
pub mod bridges;
pub mod chain;
pub mod closures;
pub mod conflicts;
pub mod federation;
pub mod feeds;
pub mod grants;
pub mod keys;
pub mod mappings;
pub mod operations;
pub mod passwords;
pub mod principals;
pub mod privacy;
pub mod profile;
pub mod providers;
pub mod restore;
pub mod retention;
pub mod room_groups;
pub mod rooms;
pub mod rules;
pub mod scope;
pub mod sign_in;
pub mod tenants;
pub mod webhooks;

pub use audit::Acting;
pub use error::ManageError;
pub use federation::Federation;
pub use rooms::confirmed;
pub use scope::NewSecret;
pub use sign_in::SignIn;
pub use slug::Slug;
