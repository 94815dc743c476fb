// What the examples in the documentation include: a broker in their own process, and clients of it.

/// Runs an example with a client that is connected to a broker.
#[allow(dead_code, reason = "an example uses one of these")]
pub(super) fn with_client<E>(example: E) -> Result<(), Box<dyn std::error::Error>>
where
    E: AsyncFnOnce(client_sdk::Client) -> Result<(), Box<dyn std::error::Error>>,
{
    with_broker(async |builder: client_sdk::ClientBuilder| {
        example(builder.name("bob").connect().await?).await
    })
}

/// Runs an example with what connects to a broker.
pub(super) fn with_broker<E>(example: E) -> Result<(), Box<dyn std::error::Error>>
where
    E: AsyncFnOnce(client_sdk::ClientBuilder) -> Result<(), Box<dyn std::error::Error>>,
{
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    runtime.block_on(async {
        let network = transport_memory::Network::new(1);
        let listener = network.listen("broker", &broker::SUBPROTOCOLS)?;
        let running =
            broker::Broker::builder().listen(move || Ok(Box::new(listener))).start().await?;
        let connector = std::sync::Arc::new(network.connector());
        let builder = client_sdk::Client::builder("memory://broker").with_connector(connector);
        let done = tokio::time::timeout(std::time::Duration::from_secs(20), example(builder)).await;
        running.shutdown().await;
        done?
    })
}
