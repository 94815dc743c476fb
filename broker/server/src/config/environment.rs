//! From environment variables to assignments: `BROKER__LISTEN__0__ADDRESS` is `listen[0].address`.

use super::apply::Assignment;
use super::origin::Origin;
use super::written::Written;

/// What the names of all variables begin with that set something.
const PREFIX: &str = "BROKER__";

/// The assignments among the variables; those for a list in the order of their places in it.
pub(super) fn parse<'a>(
    variables: impl IntoIterator<Item = &'a (String, String)>,
) -> Vec<Assignment> {
    let mut assignments: Vec<_> = variables
        .into_iter()
        .filter_map(|(variable, value)| {
            let key = key(variable.strip_prefix(PREFIX)?);
            let origin = Origin::Environment { variable: variable.clone() };
            Some(Assignment { key, written: Written::Loose(value.clone()), origin })
        })
        .collect();
    assignments
        .sort_by(|one, other| (place(&one.key), &one.key).cmp(&(place(&other.key), &other.key)));
    assignments
}

/// The place in a list that a key names.
fn place(key: &str) -> Option<usize> {
    let (_, rest) = key.split_once('[')?;
    rest.split_once(']')?.0.parse().ok()
}

fn key(name: &str) -> String {
    let mut key = String::new();
    for part in name.to_lowercase().split("__") {
        match part.parse::<usize>() {
            Ok(index) => key.push_str(&format!("[{index}]")),
            Err(_) if key.is_empty() => key.push_str(part),
            Err(_) => {
                key.push('.');
                key.push_str(part);
            }
        }
    }
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_without_the_prefix_set_nothing() {
        let variables = [("BROKER_URL".to_owned(), "ws://x".to_owned())];
        assert!(parse(&variables).is_empty());
    }

    #[test]
    fn places_come_in_the_order_of_their_numbers() {
        let variable = |index| (format!("BROKER__LISTEN__{index}__ADDRESS"), String::new());
        let keys: Vec<_> =
            parse(&[10, 9, 0].map(variable)).into_iter().map(|each| each.key).collect();
        assert_eq!(keys, ["listen[0].address", "listen[9].address", "listen[10].address"]);
    }

    #[test]
    fn numbers_are_places_in_a_list() {
        assert_eq!(key("LISTEN__0__ADDRESS"), "listen[0].address");
        assert_eq!(
            key("TRANSPORT__WEBSOCKET__UNSENT_BYTES_MAX"),
            "transport.websocket.unsent_bytes_max"
        );
    }
}
