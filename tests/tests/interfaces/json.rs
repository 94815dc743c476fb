//! Services that are called by hand.

use broker_tests::Transport;
use client_sdk::{Body, Content, RequestError};
use serde_json::{Value, json};

use crate::sums::Scene;
use crate::within;

broker_tests::over_every_transport!(
    a_request_in_json_calls_a_method_and_is_answered_in_json,
    arguments_that_cannot_be_read_are_told,
    a_service_says_what_it_is,
    a_method_that_is_not_there_is_told,
);

async fn asked(scene: &Scene, method: &str, arguments: impl ToString) -> Value {
    let body = Body::json(arguments.to_string());
    let reply = within(scene.client.request(&format!("sums.{method}"), body)).await.unwrap();
    assert_eq!(reply.body.content, Content::Json);
    serde_json::from_slice(&reply.body.payload).unwrap()
}

async fn refused(scene: &Scene, method: &str, body: Body) -> (String, String) {
    let error = within(scene.client.request(&format!("sums.{method}"), body)).await.unwrap_err();
    let RequestError::Failed { code, message } = error else { panic!("{error:?}") };
    (code, message)
}

async fn a_request_in_json_calls_a_method_and_is_answered_in_json(over: Transport) {
    let scene = Scene::new(over).await;
    assert_eq!(asked(&scene, "add", json!({"one": 20, "other": 22})).await, json!({"Ok": 42}));
    let failed = asked(&scene, "add", json!({"one": i64::MAX, "other": 1})).await;
    assert_eq!(failed, json!({"Err": {"one": i64::MAX, "other": 1}}));
    assert_eq!(asked(&scene, "who", json!({})).await, json!("caller"));
}

async fn arguments_that_cannot_be_read_are_told(over: Transport) {
    let scene = Scene::new(over).await;
    for arguments in [r#"{"one":20}"#, r#"{"one":"a","other":1}"#, "[", "null", ""] {
        let (code, message) = refused(&scene, "add", Body::json(arguments)).await;
        assert_eq!(code, "bad-arguments", "{arguments}");
        assert!(message.contains("Sums.add(one: i64, other: i64)"), "{message}");
    }
    // Bytes that aren't a call: nobody can say which version wrote them.
    for bytes in [&b""[..], b"abc", b"abcdef"] {
        assert_eq!(refused(&scene, "add", Body::from(bytes)).await.0, "version-mismatch");
    }
}

async fn a_service_says_what_it_is(over: Transport) {
    let scene = Scene::new(over).await;
    let said = within(scene.client.request("sums.$interface", "")).await.unwrap();
    let said: Value = serde_json::from_slice(&said.body.payload).unwrap();
    assert_eq!(said["interface"], "Sums");
    let methods = said["methods"].as_array().unwrap();
    let names: Vec<_> = methods.iter().map(|method| method["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["add", "repeat", "who", "hang", "hang_briefly", "fall"]);
    let signature = "add(one: i64, other: i64) -> Result<i64,Overflow>";
    assert_eq!(methods[0]["signature"], signature);
    // FNV-1a of the interface's name, a dot and the signature.
    let fingerprint = format!("Sums.{signature}")
        .bytes()
        .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    assert_eq!(methods[0]["fingerprint"], fingerprint);
}

async fn a_method_that_is_not_there_is_told(over: Transport) {
    let scene = Scene::new(over).await;
    let (code, message) = refused(&scene, "divide", Body::json("{}")).await;
    assert_eq!((&*code, &*message), ("unknown-method", "Sums has no method \"divide\""));
}
