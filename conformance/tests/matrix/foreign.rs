//! gRPC stacks of other languages.

use crate::table::Table;
use conformance::case::Case;
use libtest_mimic::Trial;
use std::sync::Arc;
pub(crate) struct Peer {
    pub(crate) name: &'static str,
    pub(crate) not_run: &'static [(&'static str, &'static str)],
}
pub(crate) const PEERS: &[Peer] = &[];
pub(crate) const PLAIN: Case = conformance::interop::CASES[0];
pub(crate) fn trials(_: &Arc<Table>) -> Vec<Trial> {
    Vec::new()
}
