//! The attribute above an `impl`: says that the object may be served or offered.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{GenericArgument, ImplItem, ImplItemFn, ItemImpl, Lifetime, Path, PathArguments, Type};

use crate::complaints::Complaints;
use crate::conditions::conditions;
use crate::interface::Role;
use crate::{boxed, options, unasked};

/// Keeps the `impl` as it is, and adds how calls reach it. What is wrong with it is said beside, and put
/// right as far as it goes, so that the compiler doesn't complain once more.
pub(crate) fn expand(role: Role, item: &ItemImpl) -> TokenStream {
    let mut complaints = Complaints::default();
    let made = read(role, item, &mut complaints).unwrap_or_default();
    let complaints = complaints.into_result().map_err(syn::Error::into_compile_error);
    let complaints = complaints.err().unwrap_or_default();
    quote!(#complaints #made)
}

fn read(role: Role, item: &ItemImpl, complaints: &mut Complaints) -> Option<TokenStream> {
    let interface = complaints.unless(interface(role, item))?;
    complaints.unless(check_lifetimes(item))?;
    let mut item = item.clone();
    complaints.unless(boxed::remove(&mut item.attrs));
    for one in &mut item.items {
        if let ImplItem::Fn(method) = one {
            complaints.unless(boxed::check(&method.sig.generics))?;
            put_right(role, method, complaints);
        }
    }
    Some(emit(role, &item, &interface))
}

fn interface(role: Role, item: &ItemImpl) -> syn::Result<Path> {
    let complaint = || {
        let message =
            format!("`{role}` stands above the `impl` of a trait: write `impl Trait for Type`");
        syn::Error::new_spanned(&item.self_ty, message)
    };
    item.trait_.as_ref().map(|(_, interface, _)| interface.clone()).ok_or_else(complaint)
}

/// An object lives for as long as it is called: its type neither has lifetimes that were declared, nor some
/// that weren't.
fn check_lifetimes(item: &ItemImpl) -> syn::Result<()> {
    let declared = item.generics.lifetimes().next().map(ToTokens::to_token_stream);
    let lifetime = declared.or_else(|| borrowed(&item.self_ty));
    match lifetime {
        None => Ok(()),
        Some(lifetime) => Err(syn::Error::new_spanned(
            lifetime,
            "an object lives for as long as it is called, and borrows nothing: write a type without \
             a lifetime, as one that has a `String` for `&str` or an `Arc<T>` for `&T`",
        )),
    }
}

/// What shows that a type borrows: `'_`, or `&` without a lifetime.
fn borrowed(kind: &Type) -> Option<TokenStream> {
    match kind {
        Type::Reference(reference) => match &reference.lifetime {
            Some(lifetime) => unnamed(lifetime).or_else(|| borrowed(&reference.elem)),
            None => Some(reference.and_token.to_token_stream()),
        },
        Type::Path(path) => path.path.segments.iter().find_map(|one| match &one.arguments {
            PathArguments::AngleBracketed(arguments) => arguments.args.iter().find_map(inside),
            _ => None,
        }),
        Type::Tuple(tuple) => tuple.elems.iter().find_map(borrowed),
        Type::Paren(paren) => borrowed(&paren.elem),
        Type::Group(group) => borrowed(&group.elem),
        _ => None,
    }
}

fn inside(argument: &GenericArgument) -> Option<TokenStream> {
    match argument {
        GenericArgument::Lifetime(lifetime) => unnamed(lifetime),
        GenericArgument::Type(kind) => borrowed(kind),
        _ => None,
    }
}

fn unnamed(lifetime: &Lifetime) -> Option<TokenStream> {
    (lifetime.ident == "_").then(|| lifetime.to_token_stream())
}

/// Complains about a method that can't be one of the trait's.
fn put_right(role: Role, method: &mut ImplItemFn, complaints: &mut Complaints) {
    method.attrs.retain(|one| match options::is_meant(one) {
        false => true,
        true => {
            let message = "this is said of the method in the trait, for both ends: remove it here";
            complaints.add(syn::Error::new_spanned(one, message));
            false
        }
    });
    if unasked::lacks_async(role, &method.sig) {
        complaints.add(unasked::complaint(role, &method.sig));
        // Where the compiler points when the trait has no such method.
        let span = method.sig.fn_token.span;
        method.sig.asyncness = Some(syn::parse_quote_spanned!(span=> async));
    }
}

fn emit(role: Role, item: &ItemImpl, interface: &Path) -> TokenStream {
    let conditions = conditions(&item.attrs);
    let (before, _, condition) = item.generics.split_for_impl();
    let object = &item.self_ty;
    let implements = match role {
        Role::Callback => quote!(ImplementsCallback),
        Role::Service => quote!(ImplementsService),
    };
    // What the compiler says of the trait, it says at its name.
    let handler = quote_spanned! {interface.span()=>
        <dyn #interface as ::client_sdk::interface::HandledAs<Self, #role>>::handler(self)
    };
    quote! {
        #item

        #(#conditions)*
        #[automatically_derived]
        impl #before ::client_sdk::interface::#implements<dyn #interface> for #object #condition {
            fn into_handler(self) -> ::std::sync::Arc<dyn ::client_sdk::interface::Handler> {
                #handler
            }
        }
    }
}
