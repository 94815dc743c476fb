//! What `#[data]` makes of a type travels as what serde's derives make of it.

use std::fmt::Debug;

use client_sdk::interface::serde::Serialize;
use client_sdk::interface::serde::de::DeserializeOwned;

/// The same types twice.
macro_rules! shapes {
    ($($derives:tt)*) => {
        $($derives)*
        #[derive(Debug, PartialEq)]
        pub(super) struct Nothing;

        $($derives)*
        #[derive(Debug, PartialEq)]
        pub(super) struct Number(pub(super) u64);

        $($derives)*
        #[derive(Debug, PartialEq)]
        pub(super) struct Pair(pub(super) u8, pub(super) Option<String>);

        $($derives)*
        #[derive(Debug, PartialEq)]
        pub(super) struct Bid {
            pub(super) r#type: Kind,
            pub(super) note: Option<String>,
            pub(super) of: Vec<Kind>,
        }

        $($derives)*
        #[derive(Debug, PartialEq)]
        pub(super) enum Kind {
            None,
            Number(Number),
            Pair(Pair, Nothing),
            Nested { all: Vec<Self>, last: Option<Box<Self>> },
            Empty {},
        }

        pub(super) fn bid() -> Bid {
            let pair = || Kind::Pair(Pair(7, Some("seven".to_owned())), Nothing);
            let nested = Kind::Nested { all: vec![pair(), Kind::Empty {}], last: Some(Box::new(pair())) };
            Bid { r#type: nested, note: None, of: vec![Kind::None, Kind::Number(Number(300))] }
        }
    };
}

mod ours {
    shapes!(#[client_sdk::data]);
}

mod serdes {
    use client_sdk::interface::serde;

    shapes!(#[derive(serde::Serialize, serde::Deserialize)] #[serde(crate = "serde")]);
}

fn bincode(value: &impl Serialize) -> Vec<u8> {
    bincode::serde::encode_to_vec(value, bincode::config::standard()).unwrap()
}

fn read<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    serde_json::from_str(text).map_err(|error| error.to_string())
}

fn assert_read<Ours, Serdes>(text: &str)
where
    Ours: DeserializeOwned + Debug,
    Serdes: DeserializeOwned + Debug,
{
    let (ours, serdes) = (read::<Ours>(text), read::<Serdes>(text));
    assert_eq!(format!("{ours:?}"), format!("{serdes:?}"), "{text}");
}

#[test]
fn a_type_under_data_travels_as_serde_derives_it() {
    let (ours, serdes) = (ours::bid(), serdes::bid());
    assert_eq!(bincode(&ours), bincode(&serdes));
    let text = serde_json::to_string(&ours).unwrap();
    assert_eq!(text, serde_json::to_string(&serdes).unwrap());
    assert_eq!(read(&text), Ok(ours));
    let config = bincode::config::standard();
    let (back, _) =
        bincode::serde::decode_from_slice::<serdes::Bid, _>(&bincode(&serdes), config).unwrap();
    assert_eq!(back, serdes);
    let (back, _) =
        bincode::serde::decode_from_slice::<ours::Bid, _>(&bincode(&serdes), config).unwrap();
    assert_eq!(back, ours::bid());
}

#[test]
fn what_is_missing_or_wrong_is_told_in_the_same_words() {
    for text in [
        r#"{"type":"None","of":[]}"#,
        r#"{"type":"None","of":[],"more":1}"#,
        r#"{"type":{"Nested":{"all":[]}},"of":[]}"#,
        r#"{"of":[]}"#,
        r#"{"type":"Nobody","of":[]}"#,
        r#"{"type":{"Pair":[[7]]},"of":[]}"#,
        r#"["None",null,[]]"#,
        "7",
    ] {
        assert_read::<ours::Bid, serdes::Bid>(text);
    }
    for text in ["7", "null", "{}", "[7]"] {
        assert_read::<ours::Number, serdes::Number>(text);
        assert_read::<ours::Pair, serdes::Pair>(text);
        assert_read::<ours::Nothing, serdes::Nothing>(text);
    }
}
