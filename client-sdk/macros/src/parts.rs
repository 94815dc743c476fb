//! How a type travels of which nothing is said to serde: by way of its parts, which stand in a type that is like
//! it, but that theirs are parameters. Of those serde has nothing to complain about; we have, where they stand.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{Attribute, Fields, Ident, Item};

use crate::emit::local;
use crate::fields::Field;

/// Of a structure all, or of an enumeration what is under one name.
struct Variant<'a> {
    name: Option<&'a Ident>,
    fields: &'a Fields,
}

/// A type that is like another one: how it is written, and how a value of the one becomes one of the other.
struct Like<'a> {
    name: &'a Ident,
    /// The module that it is in, for it has the same name.
    within: Ident,
    declared: TokenStream,
    apart: Vec<TokenStream>,
    together: Vec<TokenStream>,
}

/// `Serialize` and `Deserialize` for a type with these fields. `None` if it takes serde's own derives.
pub(crate) fn emit(item: &Item, fields: &[Field]) -> Option<TokenStream> {
    let like = Like::of(item, fields.len())?;
    let (writes, reads) = (writes(&like, fields), reads(&like, fields));
    let Like { within, declared, .. } = like;
    Some(quote! {
        #[doc(hidden)]
        #[allow(non_camel_case_types, non_snake_case, dead_code, deprecated)]
        #[allow(clippy::all, clippy::pedantic)]
        const _: () = {
            #[allow(unused_imports)]
            use ::client_sdk::interface::PartsOfNone as _;

            mod #within {
                #[derive(
                    ::client_sdk::interface::serde::Serialize,
                    ::client_sdk::interface::serde::Deserialize,
                )]
                #[serde(crate = "::client_sdk::interface::serde")]
                pub(super) #declared
            }

            #writes
            #reads
        };
    })
}

fn writes(like: &Like<'_>, fields: &[Field]) -> TokenStream {
    let Like { name, within, apart, .. } = like;
    let kinds = fields.iter().map(|field| &field.kind);
    let [serializer, parts] = ["serializer", "parts"].map(local);
    let kind = format_ident!("{name}Serializer");
    quote! {
        impl ::client_sdk::interface::serde::Serialize for #name {
            fn serialize<#kind: ::client_sdk::interface::serde::Serializer>(
                &self,
                #serializer: #kind,
            ) -> ::std::result::Result<#kind::Ok, #kind::Error> {
                let #parts = match self { #(#apart,)* };
                ::client_sdk::interface::Parts::<#within::#name<#(&#kinds),*>>::write(
                    &#parts,
                    #serializer,
                )
            }
        }
    }
}

fn reads(like: &Like<'_>, fields: &[Field]) -> TokenStream {
    let Like { name, within, together, .. } = like;
    let kinds = fields.iter().map(|field| &field.kind);
    let [deserializer, parts] = ["deserializer", "parts"].map(local);
    let kind = format_ident!("{name}Deserializer");
    quote! {
        impl<'de> ::client_sdk::interface::serde::Deserialize<'de> for #name {
            fn deserialize<#kind: ::client_sdk::interface::serde::Deserializer<'de>>(
                #deserializer: #kind,
            ) -> ::std::result::Result<Self, #kind::Error> {
                let #parts = ::client_sdk::interface::Parts::<#within::#name<#(#kinds),*>>::read(
                    #deserializer,
                )?;
                ::std::result::Result::Ok(match #parts { #(#together,)* })
            }
        }
    }
}

impl<'a> Like<'a> {
    /// The one of a type with so many fields, if nothing is said of it that makes a difference here.
    fn of(item: &'a Item, fields: usize) -> Option<Self> {
        let (name, variants) = plain(item)?;
        let within = format_ident!("{name}_parts");
        let kinds: Vec<_> = (0..fields).map(|place| format_ident!("T{place}")).collect();
        let (mut places, mut declared, mut apart, mut together) = (0.., vec![], vec![], vec![]);
        for variant in variants {
            let parts: Vec<usize> = places.by_ref().take(variant.fields.len()).collect();
            declared.push(variant.declared(parts.iter().map(|place| &kinds[*place])));
            let pattern = variant.pattern(&parts);
            apart.push(quote!(Self #pattern => #within::#name #pattern));
            together.push(quote!(#within::#name #pattern => Self #pattern));
        }
        let declared = match item {
            Item::Enum(_) => quote!(enum #name<#(#kinds),*> { #(#declared),* }),
            _ => quote!(struct #name<#(#kinds),*> #(#declared)*),
        };
        Some(Self { name, within, declared, apart, together })
    }
}

impl Variant<'_> {
    /// What is behind the type's name where its parts are named, to be taken apart or put together.
    fn pattern(&self, parts: &[usize]) -> TokenStream {
        let path = self.name.map(|name| quote!(::#name));
        let members = self.fields.members().zip(parts).map(|(member, place)| {
            let part = local(&format!("part{place}"));
            quote!(#member: #part)
        });
        quote!(#path { #(#members),* })
    }

    /// The same with other types.
    fn declared<'a>(&self, kinds: impl Iterator<Item = &'a Ident>) -> TokenStream {
        let name = self.name;
        // The parts of a variant are seen wherever it is.
        let visible = name.is_none().then(|| quote!(pub(super)));
        let end = name.is_none().then(|| quote!(;));
        match self.fields {
            Fields::Named(fields) => {
                let names = fields.named.iter().map(|field| &field.ident);
                quote!(#name { #(#visible #names: #kinds),* })
            }
            Fields::Unnamed(_) => quote!(#name (#(#visible #kinds),*) #end),
            Fields::Unit => quote!(#name #end),
        }
    }
}

/// The name of a type and what is in it, if nothing is said of that which makes a difference here.
fn plain(item: &Item) -> Option<(&Ident, Vec<Variant<'_>>)> {
    let (name, variants, above) = match item {
        Item::Struct(item) => {
            let all = vec![Variant { name: None, fields: &item.fields }];
            (&item.ident, all, vec![&item.attrs])
        }
        Item::Enum(item) => {
            let all = item.variants.iter();
            let variants =
                all.clone().map(|one| Variant { name: Some(&one.ident), fields: &one.fields });
            let above = all.map(|one| &one.attrs).chain([&item.attrs]);
            (&item.ident, variants.collect(), above.collect())
        }
        _ => return None,
    };
    let within = variants.iter().flat_map(|one| one.fields).map(|field| &field.attrs);
    let is_plain = above.into_iter().chain(within).flatten().all(makes_no_difference);
    let has_parts = variants.iter().any(|one| !one.fields.is_empty());
    (is_plain && has_parts).then_some((name, variants))
}

/// Nothing that serde reads, no condition, and no layout in which fields can't be referred to.
fn makes_no_difference(attribute: &Attribute) -> bool {
    ["serde", "cfg", "cfg_attr", "repr"].iter().all(|one| !attribute.path().is_ident(one))
}
