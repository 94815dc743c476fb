//! What a request asks for, and what it gets.

use transport_api::Subprotocol;
use tungstenite::http::StatusCode;
use tungstenite::http::header::{HeaderMap, ORIGIN, SEC_WEBSOCKET_PROTOCOL};

use crate::refusal::Refusal;

/// Chooses a subprotocol: the peer's first that is spoken here, and for a peer that names none the
/// first that is text, which a person can type.
pub(crate) fn choose(headers: &HeaderMap, spoken: &[Subprotocol]) -> Result<Subprotocol, Refusal> {
    let mut offers = headers.get_all(SEC_WEBSOCKET_PROTOCOL).iter().peekable();
    let chosen = match offers.peek() {
        None => spoken.iter().find(|one| one.text).or(spoken.first()),
        Some(_) => offers
            .filter_map(|offer| offer.to_str().ok())
            .flat_map(|offer| offer.split(','))
            .find_map(|offer| spoken.iter().find(|one| one.websocket_name() == offer.trim())),
    };
    chosen.copied().ok_or_else(|| {
        let names: Vec<String> = spoken.iter().map(Subprotocol::websocket_name).collect();
        let reason = format!("none of these subprotocols was offered: {}", names.join(", "));
        Refusal::new(StatusCode::BAD_REQUEST, reason)
    })
}

/// Refuses web pages that aren't listed. Where none is listed all are allowed, and who names no
/// page isn't a browser.
pub(crate) fn check_origin(headers: &HeaderMap, allowed: &[String]) -> Result<(), Refusal> {
    let Some(origin) = headers.get(ORIGIN) else { return Ok(()) };
    let matches = |one: &String| one.as_bytes().eq_ignore_ascii_case(origin.as_bytes());
    if allowed.is_empty() || allowed.iter().any(matches) {
        return Ok(());
    }
    Err(Refusal::new(StatusCode::FORBIDDEN, "web pages of this origin may not connect here"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BINCODE: Subprotocol =
        Subprotocol { family: "broker", version: 1, codec: "bincode", text: false };
    const JSON: Subprotocol =
        Subprotocol { family: "broker", version: 1, codec: "json", text: true };

    fn chosen(offers: &[&'static str]) -> Option<Subprotocol> {
        let mut headers = HeaderMap::new();
        for offer in offers {
            headers.append(SEC_WEBSOCKET_PROTOCOL, offer.parse().unwrap());
        }
        choose(&headers, &[BINCODE, JSON]).ok()
    }

    #[test]
    fn who_offers_nothing_gets_text_and_who_offers_gets_its_first_that_is_spoken() {
        assert_eq!(chosen(&[]), Some(JSON));
        assert_eq!(chosen(&["broker.v1.bincode"]), Some(BINCODE));
        assert_eq!(chosen(&["mqtt, broker.v1.json,broker.v1.bincode"]), Some(JSON));
        assert_eq!(chosen(&["mqtt", "broker.v1.bincode"]), Some(BINCODE));
    }

    #[test]
    fn who_offers_only_what_is_not_spoken_is_refused() {
        assert_eq!(chosen(&["mqtt"]), None);
        assert_eq!(chosen(&["broker.v2.json"]), None);
        assert_eq!(chosen(&[""]), None);
    }

    #[test]
    fn a_page_connects_if_it_is_listed_or_none_is() {
        let mut headers = HeaderMap::new();
        let listed = ["https://example.com".to_owned()];
        assert!(check_origin(&headers, &listed).is_ok());
        headers.insert(ORIGIN, "https://example.com".parse().unwrap());
        assert!(check_origin(&headers, &listed).is_ok());
        headers.insert(ORIGIN, "https://example.org".parse().unwrap());
        assert!(check_origin(&headers, &listed).is_err());
        assert!(check_origin(&headers, &[]).is_ok());
    }
}
