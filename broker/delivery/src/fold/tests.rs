use proptest::prelude::*;
use serde_json::Value;

use super::*;

fn folded(earlier: &str, later: &str) -> Option<String> {
    let payload = MergePatch.fold(earlier.as_bytes(), later.as_bytes())?;
    Some(String::from_utf8(payload).expect("JSON is UTF-8"))
}

fn applied(document: &str, patch: &str) -> Option<String> {
    let payload = apply(document.as_bytes(), patch.as_bytes())?;
    Some(String::from_utf8(payload).expect("JSON is UTF-8"))
}

#[test]
fn a_later_member_takes_the_place_of_the_earlier_and_new_ones_come_behind() {
    let expected = Some(r#"{"b":2,"a":3,"c":4}"#.to_owned());
    assert_eq!(folded(r#"{"b": 2, "a": 1}"#, r#" {"c":4, "a":3} "#), expected);
}

#[test]
fn what_is_removed_stays_removed_in_a_patch_and_is_gone_from_a_document() {
    let (earlier, later) = (r#"{"a":1,"b":2}"#, r#"{"a":null}"#);
    assert_eq!(folded(earlier, later), Some(r#"{"a":null,"b":2}"#.to_owned()));
    assert_eq!(applied(earlier, later), Some(r#"{"b":2}"#.to_owned()));
}

#[test]
fn an_object_over_what_was_removed_or_made_no_object_is_not_folded() {
    let object = r#"{"a":{"x":1}}"#;
    for earlier in [r#"{"a":null}"#, r#"{"a":1}"#, r#"{"a":[{}]}"#, "1", "null"] {
        assert_eq!(folded(earlier, object), None, "{earlier}");
    }
    for earlier in [r#"{"a":{"y":2}}"#, r#"{"b":1}"#, "{}"] {
        assert!(folded(earlier, object).is_some(), "{earlier}");
    }
}

#[test]
fn what_is_no_object_stands_for_all_before() {
    for later in ["null", "1", r#""text""#, "[1, {}]"] {
        assert_eq!(folded(r#"{"a":1}"#, later), Some(later.to_owned()));
    }
}

#[test]
fn numbers_escapes_and_whitespace_inside_values_stay_as_they_were_written() {
    let big = r#"{"n":12345678901234567890.10e+99,"s":"\u00e9\/","l":[1, 2]}"#;
    let expected = big.replace('}', r#","m":0.10}"#);
    assert_eq!(folded(big, r#"{"m":0.10}"#), Some(expected.clone()));
    assert_eq!(applied(big, r#"{"m":0.10}"#), Some(expected));
}

#[test]
fn names_are_the_same_however_they_are_written() {
    assert_eq!(folded(r#"{"a":1}"#, r#"{"\u0061":2}"#), Some(r#"{"a":2}"#.to_owned()));
}

#[test]
fn what_is_no_json_or_has_a_name_twice_is_not_folded() {
    for other in ["", "{", r#"{"a":1}x"#, "\u{0}", r#"{"a":1,"a":2}"#, r#"{"\ud800":1}"#] {
        assert_eq!(folded(other, r#"{"b":1}"#), None, "{other}");
        assert_eq!(folded(r#"{"b":1}"#, other), None, "{other}");
    }
    assert_eq!(MergePatch.fold(b"{}", b"{\"a\":\"\xff\"}"), None);
}

#[test]
fn to_a_document_that_is_none_a_patch_is_applied_as_to_nothing() {
    for document in ["", "{", "\u{0}", "null"] {
        let expected = Some(r#"{"b":{"d":2}}"#.to_owned());
        assert_eq!(applied(document, r#"{"a":null,"b":{"c":null,"d":2}}"#), expected, "{document}");
    }
    for patch in ["", "{", r#"{"a":1,"a":2}"#] {
        assert_eq!(applied("{}", patch), None, "{patch}");
    }
    assert_eq!(applied(r#"{"a":1,"a":2}"#, r#"{"b":1}"#), None);
}

/// An object in so many others.
fn nested(depth: usize, inner: &str) -> String {
    r#"{"a":"#.repeat(depth) + inner + &"}".repeat(depth)
}

#[test]
fn objects_are_merged_64_deep_and_not_65() {
    for (depth, fits) in [(64, true), (65, false), (100_000, false)] {
        assert_eq!(folded(&nested(depth, "1"), &nested(depth, "2")).is_some(), fits, "{depth}");
        assert_eq!(applied("{}", &nested(depth, "2")).is_some(), fits, "{depth}");
    }
}

#[test]
fn folding_stops_before_it_becomes_too_large() {
    let payloads: [&[u8]; 4] = [br#"{"a":1}"#, br#"{"a":2}"#, br#"{"b":1}"#, br#"{"a":3}"#];
    let fold = |bytes_max| MergePatch.fold_front(&payloads, bytes_max);
    let all = Folded { payload: br#"{"a":3,"b":1}"#.to_vec(), count: 4 };
    assert_eq!(fold(13), Some(all));
    let two = Folded { payload: br#"{"a":2}"#.to_vec(), count: 2 };
    assert_eq!((fold(12), fold(7)), (Some(two.clone()), Some(two)));
    assert_eq!(fold(6), None);
}

#[test]
fn many_members_cost_a_look_each() {
    let document = |value: usize| {
        let members: Vec<_> = (0..50_000).map(|name| format!(r#""{name}":{value}"#)).collect();
        format!("{{{}}}", members.join(","))
    };
    // Compared one by one this takes minutes.
    assert_eq!(folded(&document(1), &document(2)), Some(document(2)));
    assert_eq!(applied(&document(1), &document(2)), Some(document(2)));
}

/// Adds numbers.
struct Sum;

impl Fold for Sum {
    fn fold(&self, earlier: &[u8], later: &[u8]) -> Option<Vec<u8>> {
        let number = |payload| std::str::from_utf8(payload).ok()?.parse::<u64>().ok();
        Some((number(earlier)? + number(later)?).to_string().into_bytes())
    }
}

#[test]
fn a_rule_of_ones_own_folds_as_far_as_it_says() {
    let fold = |payloads: &[&[u8]]| Sum.fold_front(payloads, 2);
    let sum = |payload: &[u8], count| Some(Folded { payload: payload.to_vec(), count });
    assert_eq!(fold(&[b"1", b"2", b"3"]), sum(b"6", 3));
    assert_eq!(fold(&[b"1", b"2", b"x", b"3"]), sum(b"3", 2));
    assert_eq!(fold(&[b"98", b"1", b"1"]), sum(b"99", 2));
    assert_eq!((fold(&[b"x", b"1"]), fold(&[b"1"]), fold(&[])), (None, None, None));
}

/// RFC 7396 §2, as it stands there.
fn reference(target: &Value, patch: &Value) -> Value {
    let Value::Object(patch) = patch else { return patch.clone() };
    let mut target = target.as_object().cloned().unwrap_or_default();
    for (name, value) in patch {
        match value {
            Value::Null => drop(target.remove(name)),
            value => {
                let known = target.get(name).cloned().unwrap_or(Value::Null);
                target.insert(name.clone(), reference(&known, value));
            }
        }
    }
    Value::Object(target)
}

fn documents() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        (0..3u32).prop_map(Value::from),
        Just(Value::from(vec![1])),
    ];
    leaf.prop_recursive(4, 40, 4, |inner| {
        proptest::collection::btree_map("[abc]", inner, 0..4)
            .prop_map(|members| Value::Object(members.into_iter().collect()))
    })
}

/// Documents, and what isn't one or can't be merged.
fn payloads() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => documents().prop_map(|document| document.to_string()),
        1 => Just("{".to_owned()),
        1 => Just("1".to_owned()),
        1 => Just(r#"{"a":1,"a":2}"#.to_owned()),
        1 => Just(r#"{"a":{"b":1,"b":2}}"#.to_owned()),
    ]
}

proptest! {
    #[test]
    fn folded_does_what_one_after_the_other_does(
        document in documents(),
        patches in proptest::collection::vec(documents(), 1..8),
        bytes_max in 10..200usize,
    ) {
        let expected = patches.iter().fold(document.clone(), |done, patch| reference(&done, patch));
        let payloads: Vec<Vec<u8>> = patches.iter().map(|one| one.to_string().into_bytes()).collect();
        let payloads: Vec<&[u8]> = payloads.iter().map(Vec::as_slice).collect();
        let (mut rest, mut done) = (&payloads[..], document.to_string().into_bytes());
        for Part { count, payload } in fold_all(&MergePatch, &payloads, bytes_max) {
            if let Some(payload) = &payload {
                prop_assert!(count >= 2 && payload.len() <= bytes_max);
            }
            let payload = payload.as_deref().unwrap_or(rest[0]);
            done = apply(&done, payload).expect("it isn't nested deeply");
            rest = &rest[count..];
        }
        prop_assert!(rest.is_empty());
        prop_assert_eq!(serde_json::from_slice::<Value>(&done).unwrap(), expected);
    }

    #[test]
    fn all_at_once_does_what_one_after_the_other_does(
        document in payloads(),
        patches in proptest::collection::vec(payloads(), 0..8),
    ) {
        let patches: Vec<&[u8]> = patches.iter().map(String::as_bytes).collect();
        let one_by_one = patches.iter().fold(document.clone().into_bytes(), |done, patch| {
            apply(&done, patch).unwrap_or_else(|| patch.to_vec())
        });
        prop_assert_eq!(MergePatch.apply_all(document.as_bytes(), &patches), one_by_one);
    }

    #[test]
    fn any_bytes_are_folded_or_not(earlier in ".{0,40}", later in ".{0,40}") {
        let _ = folded(&earlier, &later);
        let _ = applied(&earlier, &later);
    }
}
