//! What a service says of itself, to whoever asks: JSON, for programs and people.

use serde::{Deserialize, Serialize};

use super::description::Description;
use super::error::ResolveError;

/// The method by which a service says what it is. No method of Rust has such a name.
pub(super) const METHOD: &str = "$interface";

/// An interface, as it travels.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Described {
    interface: String,
    methods: Vec<DescribedMethod>,
}

#[derive(Debug, Serialize, Deserialize)]
struct DescribedMethod {
    name: String,
    signature: String,
    fingerprint: u32,
}

impl From<&Description> for Described {
    fn from(description: &Description) -> Self {
        let method = |method: &super::Method| DescribedMethod {
            name: method.name.to_owned(),
            signature: method.signature.to_owned(),
            fingerprint: method.fingerprint,
        };
        let methods = description.methods.iter().map(method).collect();
        Self { interface: description.name.to_owned(), methods }
    }
}

impl Described {
    /// Sees whether all that is called here is there. It may have more.
    pub(super) fn check(&self, name: &str, ours: &Description) -> Result<(), ResolveError> {
        if self.interface != ours.name {
            return Err(ResolveError::OtherInterface {
                name: name.to_owned(),
                expected: ours.name.to_owned(),
                found: self.interface.clone(),
            });
        }
        let differences: Vec<String> = ours
            .methods
            .iter()
            .filter_map(|method| match self.methods.iter().find(|one| one.name == method.name) {
                Some(one) if one.fingerprint == method.fingerprint => None,
                Some(one) => Some(format!("{} is {} there", method.signature, one.signature)),
                None => Some(format!("{} is missing there", method.signature)),
            })
            .collect();
        match differences.is_empty() {
            true => Ok(()),
            false => Err(ResolveError::VersionMismatch { name: name.to_owned(), differences }),
        }
    }
}
