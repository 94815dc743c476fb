use serde::Deserialize;

use super::*;
use crate::interface::bounds::{ELEMENTS_WITHOUT_BYTES_MAX, LEVELS_MAX};

/// A tree: two levels each, a list and its element.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Tree {
    leaves: Vec<Tree>,
}

/// A chain of nothing but what may be there.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Chain(Option<Box<Chain>>);

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Sum {
    Number(u8),
    Minus(Box<Sum>),
    Add(Box<Sum>, Box<Sum>),
    Half { of: Box<Sum> },
}

/// What reads in as many levels as there may be, and what in one more, each payload with what it is in.
fn assert_bounded<T: DeserializeOwned>(format: Format, deepest: &[u8], deeper: &[u8]) {
    let read = |payload| match format {
        Format::Bincode => read_bincode::<T>(payload).map(drop),
        Format::Json => read_json::<T>(payload).map(drop).map_err(|error| error.to_string()),
    };
    assert_eq!(read(deepest), Ok(()));
    let error = read(deeper).unwrap_err();
    assert!(error.contains("nested more than 128 deep"), "{error}");
}

/// So many of these bytes, and these behind them.
fn times(count: usize, of: &[u8], behind: &[u8]) -> Vec<u8> {
    [&*of.repeat(count), behind].concat()
}

#[test]
fn what_is_nested_too_deep_is_refused_whatever_it_is_nested_in() {
    let half = LEVELS_MAX / 2;
    assert_bounded::<Tree>(Format::Bincode, &times(half - 1, &[1], &[0]), &times(half, &[1], &[0]));
    assert_bounded::<Chain>(
        Format::Bincode,
        &times(half - 1, &[1], &[0]),
        &times(half, &[1], &[0]),
    );
    for add in [&[1][..], &[2, 0, 7], &[3]] {
        let (deepest, deeper) =
            (times(LEVELS_MAX - 1, add, &[0, 7]), times(LEVELS_MAX, add, &[0, 7]));
        assert_bounded::<Sum>(Format::Bincode, &deepest, &deeper);
    }
}

#[test]
fn however_deep_it_says_to_be_nothing_overflows() {
    for count in [200, 8_000, 1_000_000] {
        let error = read_bincode::<Tree>(&times(count, &[1], &[0])).unwrap_err();
        assert_eq!(error, "it is nested more than 128 deep");
    }
}

#[test]
fn a_chain_that_json_has_no_end_of_is_refused() {
    assert_bounded::<Chain>(Format::Json, b"null", b"1");
}

#[test]
fn elements_without_bytes_are_bounded() {
    let claiming = |count: usize| bincode::serde::encode_to_vec(count as u64, BINCODE).unwrap();
    let most = claiming(ELEMENTS_WITHOUT_BYTES_MAX);
    assert_eq!(read_bincode::<Vec<()>>(&most).map(|all| all.len()), Ok(ELEMENTS_WITHOUT_BYTES_MAX));
    for count in [ELEMENTS_WITHOUT_BYTES_MAX + 10, 1 << 60] {
        let error = read_bincode::<Vec<()>>(&claiming(count)).unwrap_err();
        assert!(error.contains("more elements than it has bytes, and 65536 more"), "{error}");
    }
    // All together.
    let twice = [&[2][..], &most, &most].concat();
    assert!(read_bincode::<Vec<Vec<()>>>(&twice).is_err());
    assert!(read_bincode::<std::collections::HashMap<(), ()>>(&claiming(1 << 60)).is_err());
}

#[test]
fn elements_with_bytes_are_as_many_as_fit() {
    let lists = vec![vec![Some((1_u8, (), [7_u8; 3])); 1_000]; 300];
    let written = bincode::serde::encode_to_vec(&lists, BINCODE).unwrap();
    assert_eq!(read_bincode(&written), Ok(lists));
    let bytes = vec![7_u8; 4 * ELEMENTS_WITHOUT_BYTES_MAX];
    let written = bincode::serde::encode_to_vec(&bytes, BINCODE).unwrap();
    assert_eq!(read_bincode(&written), Ok(bytes));
    let empty = vec![Vec::<()>::new(); 4 * ELEMENTS_WITHOUT_BYTES_MAX];
    let written = bincode::serde::encode_to_vec(&empty, BINCODE).unwrap();
    assert_eq!(read_bincode(&written), Ok(empty));
}
