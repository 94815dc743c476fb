//! How a callee refuses a call: as a failure of the request that carries it.

use crate::Refusal;

/// Codes of the failures that this SDK makes itself.
pub(super) mod code {
    pub(in super::super) const UNKNOWN_METHOD: &str = "unknown-method";
    pub(in super::super) const VERSION_MISMATCH: &str = "version-mismatch";
    pub(in super::super) const BAD_ARGUMENTS: &str = "bad-arguments";
    pub(in super::super) const FAILED: &str = "failed";
}

/// Why a call doesn't reach its method.
#[derive(Debug)]
pub struct Fault(pub(super) Refusal);

impl Fault {
    pub(super) fn new(code: &str, message: String) -> Self {
        Self(Refusal::new(code, message))
    }
}
