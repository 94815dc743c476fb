use broker::{Broker, SUBPROTOCOLS};
#[tokio::main]
async fn main() {
    let port: u16 = std::env::args().nth(1).unwrap().parse().unwrap();
    let shards: u16 = std::env::args().nth(2).unwrap_or("1".into()).parse().unwrap();
    let running = Broker::builder().shards(shards)
        .listen(move || Ok(Box::new(transport_websocket::listen(([127,0,0,1], port).into(), transport_websocket::Config::default(), &SUBPROTOCOLS)?)))
        .start().await.unwrap();
    println!("{:?}", running.listening());
    tokio::signal::ctrl_c().await.unwrap();
    println!("{:?}", running.shutdown().await);
}
