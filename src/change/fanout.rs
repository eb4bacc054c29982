//! Which mappings hear of a change. Pure.

use super::Origin;
use crate::model::MappingId;
use crate::store::mappings::Mapping;

/// The mappings that get an operation: all that export, except the one the change came through when its remote side
/// already holds exactly this content. That exception is what makes loops impossible.
pub(super) fn targets<'a>(mappings: &'a [Mapping], origin: &Origin) -> Vec<&'a MappingId> {
    let settled = match origin {
        Origin::Mapping { id, settled: true } => Some(id),
        Origin::Mapping { settled: false, .. } | Origin::Principal { .. } | Origin::System { .. } => None,
    };
    mappings
        .iter()
        .filter(|mapping| mapping.exports() && settled != Some(&mapping.id))
        .map(|mapping| &mapping.id)
        .collect()
}
