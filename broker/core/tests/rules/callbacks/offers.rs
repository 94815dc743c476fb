//! What may be offered.

use broker_core::Config;
use broker_protocol::ErrorCode;
use broker_protocol::frame::{LaneOptions, OfferedMethod};

use super::{Scene, latest, method};

#[test]
fn a_token_holds_nothing_readable_and_none_is_like_another() {
    let mut scene = Scene::new();
    let tokens = [scene.offer(&[method("a", 0)]), scene.offer(&[method("a", 0)])];
    assert_ne!(tokens[0], tokens[1]);
    for token in tokens {
        assert!(token.len() == 32 && token.bytes().all(|byte| byte.is_ascii_hexdigit()), "{token}");
    }
}

#[test]
fn the_names_of_methods_are_one_level_of_a_topic_each_once() {
    let mut scene = Scene::new();
    let owner = scene.owner;
    let (longest, longer) = ("x".repeat(64), "x".repeat(65));
    for good in ["a", "größer", &longest] {
        assert!(scene.try_offer(owner, &[method(good, 0)]).is_ok(), "{good:?}");
    }
    for bad in ["", "a.b", "*", ">", "a b", &longer] {
        let refused = scene.try_offer(owner, &[method(bad, 0)]);
        assert_eq!(refused, Err(ErrorCode::InvalidField), "{bad:?}");
    }
    let twice = [method("a", 0), method("a", 0)];
    assert_eq!(scene.try_offer(owner, &twice), Err(ErrorCode::InvalidField));
    assert_eq!(scene.try_offer(owner, &[]), Err(ErrorCode::InvalidField));
}

#[test]
fn lanes_are_opened_with_the_options_of_the_first_and_other_options_are_refused() {
    let mut scene = Scene::new();
    let owner = scene.owner;
    assert!(scene.try_offer(owner, &[latest("a", 3), method("b", 3), latest("c", 3)]).is_ok());
    assert!(scene.try_offer(owner, &[latest("a", 3)]).is_ok());
    let other = LaneOptions { priority: Some(1), ..LaneOptions::default() };
    let other = OfferedMethod { options: Some(other), ..method("a", 3) };
    assert_eq!(scene.try_offer(owner, &[other]), Err(ErrorCode::LaneOptions));
    assert_eq!(scene.try_offer(owner, &[latest("a", 0)]), Err(ErrorCode::LaneOptions));
    assert_eq!(scene.try_offer(owner, &[method("a", 16)]), Err(ErrorCode::UnknownLane));
}

#[test]
fn a_refused_offer_opens_no_lane() {
    let mut scene = Scene::new();
    let owner = scene.owner;
    let refused = scene.try_offer(owner, &[latest("a", 1), method("b", 16)]);
    assert_eq!(refused, Err(ErrorCode::UnknownLane));
    let refused = scene.try_offer(owner, &[latest("a", 1), method("a", 2)]);
    assert_eq!(refused, Err(ErrorCode::InvalidField));
    let priority = LaneOptions { priority: Some(7), ..LaneOptions::default() };
    let anew = OfferedMethod { options: Some(priority), ..method("a", 1) };
    assert!(scene.try_offer(owner, &[anew]).is_ok());
}

#[test]
fn a_session_offers_so_many_callbacks_and_no_more_until_it_releases_one() {
    let mut config = Config::default();
    config.limits.callbacks_max = 2;
    let mut scene = Scene::with(config);
    let owner = scene.owner;
    let first = scene.offer(&[method("a", 0)]);
    scene.offer(&[method("a", 0)]);
    let refused = scene.try_offer(owner, &[method("a", 0)]);
    assert_eq!(refused, Err(ErrorCode::TooManyCallbacks));
    scene.release(owner, &first);
    assert!(scene.try_offer(owner, &[method("a", 0)]).is_ok());
    assert_eq!(scene.stage.shard.statistics().callbacks, 2);
}
