//! Names that a method can't have: the handles have them themselves, so that it couldn't be called.

use syn::Ident;
use syn::ext::IdentExt as _;

use crate::interface::Role;

/// What every handle can be asked.
const BY_ALL: [&str; 5] = ["timeout", "clone", "to_owned", "into", "try_into"];

/// What a handle to a service can be asked besides.
const BY_SERVICES: [&str; 1] = ["json"];

/// What a handle to a callback, or to many of them, can be asked besides.
const BY_CALLBACKS: [&str; 14] = [
    "expires_in",
    "released",
    "on_released",
    "is_released",
    "presence",
    "on_away",
    "attach",
    "detach",
    "topic",
    "len",
    "is_empty",
    "owner",
    "eq",
    "ne",
];

/// Complains about a name that is taken.
pub(crate) fn check(role: Role, name: &Ident) -> syn::Result<()> {
    let besides: &[&str] = match role {
        Role::Callback => &BY_CALLBACKS,
        Role::Service => &BY_SERVICES,
    };
    let text = name.unraw().to_string();
    match BY_ALL.iter().chain(besides).any(|taken| *taken == text) {
        true => {
            let message =
                format!("`{text}` is what the handle itself is asked: choose another name");
            Err(syn::Error::new(name.span(), message))
        }
        false => Ok(()),
    }
}
