//! Methods that answer and aren't `async`, as far as the way they are written tells: a type that isn't
//! known may be a future.

use syn::{ReturnType, Signature, Type};

use crate::interface::Role;

/// What is no future, whoever calls its type so.
const PLAIN: [&str; 23] = [
    "bool", "char", "u8", "u16", "u32", "u64", "u128", "usize", "i8", "i16", "i32", "i64", "i128",
    "isize", "f32", "f64", "String", "Vec", "Option", "Result", "HashMap", "BTreeMap", "Callback",
];

/// Whether it is `async` that is missing.
pub(crate) fn lacks_async(role: Role, signature: &Signature) -> bool {
    let is_meant = match &signature.output {
        ReturnType::Default => role == Role::Service,
        ReturnType::Type(_, kind) if is_nothing(kind) => role == Role::Service,
        ReturnType::Type(_, kind) => is_plain(kind),
    };
    is_meant && signature.asyncness.is_none()
}

/// Why that is wrong, and what to write.
pub(crate) fn complaint(role: Role, signature: &Signature) -> syn::Error {
    match (role, &signature.output) {
        (Role::Callback, ReturnType::Type(_, kind)) if is_nothing(kind) => syn::Error::new_spanned(
            &signature.output,
            "nobody waits for this call: remove `-> ()`, or write `async fn` for who is to wait",
        ),
        (Role::Callback, ReturnType::Type(_, kind)) => syn::Error::new_spanned(
            kind,
            "who wants an answer waits for it: write `async fn`, or return nothing",
        ),
        _ => syn::Error::new(
            signature.fn_token.span,
            "a service answers its calls, and they wait for it: write `async fn`",
        ),
    }
}

fn is_nothing(kind: &Type) -> bool {
    matches!(kind, Type::Tuple(tuple) if tuple.elems.is_empty())
}

fn is_plain(kind: &Type) -> bool {
    match kind {
        Type::Reference(_) | Type::Tuple(_) | Type::Array(_) | Type::Slice(_) => true,
        Type::Paren(paren) => is_plain(&paren.elem),
        Type::Group(group) => is_plain(&group.elem),
        Type::Path(path) => {
            let last = path.path.segments.last();
            last.is_some_and(|last| PLAIN.iter().any(|plain| last.ident == plain))
        }
        _ => false,
    }
}
