//! Names that the code which is made might have used itself.

use client_sdk::Callback;

#[client_sdk::callback]
#[allow(clippy::wrong_self_convention, clippy::new_ret_no_self, reason = "the names are the test")]
trait Handler {
    #[keep(latest, key = key)]
    fn key(&self, key: String, call: u8, arguments: u8, object: u8, read: u8, fault: u8);
    #[keep(latest, key = self_)]
    fn call(&self, self_: String, method: String, remote: u8, client: u8, body: u8);
    async fn object(&self, object: u8, call: u8, arguments: u8, this: u8, __self: u8) -> u8;
    #[keep(latest, key = r#type)]
    fn r#type(&self, r#type: String, r#fn: u8);
    fn handle(&self);
    fn new(&self);
    fn remote(&self);
    fn tell(&self);
    fn deref(&self);
    fn fmt(&self);
    fn into_handler(&self);
    fn drop(&self);
}

#[client_sdk::service]
trait T {
    async fn t(&self, t: u8, object: u8) -> Result<u8, u8>;
    async fn r#async(&self) -> Option<u8>;
    async fn ask(&self);
}

#[client_sdk::service]
trait Object {
    async fn object(&mut self, object: Callback<dyn Handler>);
}

/// Hides what the standard library calls so.
#[client_sdk::data]
struct String;

/// One more.
#[client_sdk::data]
enum Option<Some> {
    One(Some),
}

struct Arc;

#[client_sdk::service]
impl T for Arc {
    async fn t(&self, t: u8, object: u8) -> Result<u8, u8> {
        t.checked_add(object).ok_or(t)
    }
    async fn r#async(&self) -> Option<u8> {
        Option::One(1)
    }
    async fn ask(&self) {}
}

#[client_sdk::service]
impl Object for Arc {
    async fn object(&mut self, object: Callback<dyn Handler>) {
        object.key(String, 1, 2, 3, 4, 5);
        object.drop();
        object.remote();
        object.r#type(String, 1);
    }
}

impl std::fmt::Display for String {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("key")
    }
}

async fn both_ends(client: &client_sdk::Client) {
    let _ = client.serve::<dyn T, _>("t", Arc).await;
    let _ = client.serve::<dyn Object, _>("object", Arc).await;
    if let Ok(t) = client.resolve::<dyn T>("t").await {
        let _ = t.t(1, 2).await;
        let _ = t.r#async().await;
    }
}

pub(super) fn check() {
    use client_sdk::interface::Interface;
    let methods = <dyn Handler as Interface>::DESCRIPTION.methods;
    assert_eq!((methods[3].name, methods[3].signature), ("type", "type(type: String, fn: u8)"));
    let _ = both_ends;
}
