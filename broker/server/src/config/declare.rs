//! The form in which settings are declared.
//!
//! A macro, so that the documentation of a setting is written once and reaches rustdoc, `config.toml`
//! and `docs/configuration.md` alike. It does nothing else: the work is in plain code around it.

/// Declares a section: `field: type = default, kind;`, each with its documentation.
///
/// The kind (see [`kind`](super::kind)) says how the value is written and which values are allowed.
macro_rules! section {
    (
        $(#[doc = $about:literal])*
        pub struct $Section:ident {
            $(
                $(#[doc = $documentation:literal])*
                $field:ident: $type:ty = $default:expr, $kind:expr;
            )*
        }
    ) => {
        $(#[doc = $about])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct $Section {
            $(
                $(#[doc = $documentation])*
                #[doc = concat!("\n\nDefault: `", stringify!($default), "`.")]
                #[doc = concat!("Allowed: `", stringify!($kind), "`.")]
                pub $field: $type,
            )*
        }

        impl Default for $Section {
            fn default() -> Self {
                Self { $($field: $default,)* }
            }
        }

        impl $crate::config::setting::Section for $Section {
            const DOCUMENTATION: &'static [&'static str] = &[$($about),*];

            fn settings() -> Vec<$crate::config::setting::Setting<Self>> {
                vec![
                    $($crate::config::setting::Setting::new(
                        stringify!($field),
                        &[$($documentation),*],
                        $kind,
                        |section: &Self| &section.$field,
                        |section: &mut Self| &mut section.$field,
                    ),)*
                ]
            }
        }
    };
}

pub(super) use section;
