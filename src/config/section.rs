//! One way to write a section: each key once, with its type, its default and its explanation.

/// Keys of a section with their explanation, in the order they are declared.
pub(super) type Keys = &'static [(&'static str, &'static str)];

/// Declares the struct of a section, its defaults, and its keys as a table. The explanations serve as documentation
/// of the fields and as comments of the example file, so that the two cannot differ.
macro_rules! section {
    (
        $(#[doc = $about:literal])+
        $name:ident {
            $( $(#[doc = $doc:literal])+ $field:ident : $type:ty = $default:expr ),+ $(,)?
        }
    ) => {
        $(#[doc = $about])+
        #[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct $name {
            $( $(#[doc = $doc])+ pub $field: $type, )+
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $( $field: $default, )+ }
            }
        }

        impl $name {
            /// What the section is about.
            pub(super) const ABOUT: &'static str = concat!($($about),+);
            /// Its keys.
            pub(super) const KEYS: super::section::Keys = &[ $( (stringify!($field), concat!($($doc),+)), )+ ];
        }
    };
}

pub(super) use section;
