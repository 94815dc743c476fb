//! What is wrong with a trait, all of it: so that it is corrected in one go.

/// The errors that were found so far.
#[derive(Default)]
pub(crate) struct Complaints(Option<syn::Error>);

impl Complaints {
    /// Adds an error to those before.
    pub(crate) fn add(&mut self, error: syn::Error) {
        match &mut self.0 {
            Some(before) => before.combine(error),
            None => self.0 = Some(error),
        }
    }

    /// What was read, or else a complaint more.
    pub(crate) fn unless<T>(&mut self, read: syn::Result<T>) -> Option<T> {
        read.map_err(|error| self.add(error)).ok()
    }

    /// All of them as one error, if there are any.
    pub(crate) fn into_result(self) -> syn::Result<()> {
        self.0.map_or(Ok(()), Err)
    }
}
