//! The publish path: messages to a topic to which nobody is subscribed, as many in a packet as fit.
//!
//! `cargo bench -p broker-benches --bench publish`. What is measured is what decoding, checking and
//! putting in order cost the broker's shard; the publisher is a bare link in the bench's thread.

use std::time::{Duration, Instant};

use broker::SUBPROTOCOLS;
use broker_benches::{
    Selection, Started, count, is_short, micros, print_table, results, shard_threads,
};
use broker_protocol::Codec;
use broker_protocol::frame::{Body, BrokerFrame, ClientFrame, Connect, Content, Publish};
use broker_tests::bare::{BUFFER_BYTES, Bare};
use broker_tests::{Place, Transport};
use bytes::BytesMut;
use serde::Serialize;

/// A packet of the publisher, in bytes.
const PACKET_BYTES: usize = 32 << 10;

/// The topic without subscribers.
const TOPIC: &str = "bench.nobody";

/// Payloads, in bytes.
const SIZES: [usize; 3] = [16, 128, 1024];

fn main() -> anyhow::Result<()> {
    let selection = Selection::of_arguments();
    let mut settings = Vec::new();
    for codec in [Codec::Bincode, Codec::Json] {
        settings.extend(SIZES.map(|size| (Transport::WebSocket, codec, size)));
    }
    let others = Transport::ALL.into_iter().filter(|other| *other != Transport::WebSocket);
    settings.extend(others.map(|transport| (transport, Codec::Bincode, 128)));
    let wanted = |(transport, codec, _): &(Transport, Codec, usize)| {
        selection.has(&format!("publish/{}/{}", transport.name(), codec.name()))
    };
    settings.retain(wanted);
    if settings.is_empty() {
        return Ok(());
    }
    let rows = settings.into_iter().map(|(transport, codec, size)| measure(transport, codec, size));
    let rows = rows.collect::<anyhow::Result<Vec<_>>>()?;
    let lines: Vec<_> = rows.iter().map(Row::cells).collect();
    print_table("publish", Row::COLUMNS, &lines);
    results::write("publish", &rows)
}

fn measure(transport: Transport, codec: Codec, payload_bytes: usize) -> anyhow::Result<Row> {
    let started = Started::start(transport, 1)?;
    let measured = started.block_on(async {
        let mut publisher = Publisher::connect(&started.place, codec, payload_bytes).await?;
        let (warm_up, duration) = if is_short() { (20, 80) } else { (300, 1500) };
        publisher.publish_for(Duration::from_millis(warm_up)).await?;
        let (from, cpu) = (Instant::now(), shard_threads().cpu());
        let published = publisher.publish_for(Duration::from_millis(duration)).await?;
        let cpu = shard_threads().cpu().zip(cpu).map(|(after, before)| after - before);
        anyhow::Ok((published, from.elapsed(), cpu))
    });
    started.stop();
    let (published, elapsed, cpu) = measured?;
    let cpu = cpu.map(|cpu| cpu.as_secs_f64());
    Ok(Row {
        transport: transport.name(),
        codec: codec.name(),
        payload_bytes,
        publishes_per_second: published as f64 / elapsed.as_secs_f64(),
        cpu_us: cpu.map(|cpu| cpu * 1e6 / published as f64),
        publishes_per_cpu_second: cpu.map(|cpu| published as f64 / cpu),
    })
}

struct Publisher {
    bare: Bare,
    /// A packet full of messages.
    packet: BytesMut,
    messages: u64,
    /// The last `id` that was used.
    id: u64,
}

impl Publisher {
    async fn connect(place: &Place, codec: Codec, payload_bytes: usize) -> anyhow::Result<Self> {
        let subprotocol = SUBPROTOCOLS[usize::from(codec.is_text())];
        let mut bare = Bare::open(&*place.connector(), &place.url, subprotocol).await?;
        bare.send(&ClientFrame::Connect(Connect { version: 1, ..Connect::default() })).await?;
        answer(&mut bare).await?;
        let payload = vec![b'x'; payload_bytes];
        let content = if codec.is_text() { Content::Text } else { Content::Bytes };
        let body = Body { payload: (&*payload).into(), content, ..Body::default() };
        let publish = Publish { topic: TOPIC.into(), body, ..Publish::default() };
        let (mut packet, mut one) = (BytesMut::new(), BytesMut::new());
        codec.write_client(&ClientFrame::Publish(publish), &mut one);
        let messages = (PACKET_BYTES / one.len()).max(1);
        (0..messages).for_each(|_| packet.extend_from_slice(&one));
        Ok(Self { bare, packet, messages: messages as u64, id: 0 })
    }

    /// Publishes until the time is over and the broker has taken all. Returns how many messages.
    async fn publish_for(&mut self, time: Duration) -> anyhow::Result<u64> {
        let (from, mut published) = (Instant::now(), 0);
        while from.elapsed() < time {
            self.bare.send_bytes(&self.packet).await?;
            published += self.messages;
        }
        self.id += 1;
        let last = Publish { id: Some(self.id), ..Publish::bytes(TOPIC, b"the last") };
        self.bare.send(&ClientFrame::Publish(last)).await?;
        answer(&mut self.bare).await?;
        Ok(published)
    }
}

/// Waits until the broker answers.
async fn answer(bare: &mut Bare) -> anyhow::Result<()> {
    let mut buffer = vec![0; BUFFER_BYTES];
    let mut answered = false;
    while !answered {
        std::future::poll_fn(|cx| {
            bare.poll_frames(cx, &mut buffer, &mut |_, frame| {
                answered |= matches!(frame, BrokerFrame::Connected(_) | BrokerFrame::Accepted(_));
            })
        })
        .await?;
    }
    Ok(())
}

#[derive(Debug, Serialize)]
struct Row {
    transport: &'static str,
    codec: &'static str,
    payload_bytes: usize,
    publishes_per_second: f64,
    cpu_us: Option<f64>,
    publishes_per_cpu_second: Option<f64>,
}

impl Row {
    const COLUMNS: [&str; 6] =
        ["transport", "codec", "payload B", "publishes/s", "CPU µs/publish", "publishes/CPU-s"];

    fn cells(&self) -> [String; 6] {
        [
            self.transport.to_owned(),
            self.codec.to_owned(),
            self.payload_bytes.to_string(),
            count(self.publishes_per_second),
            self.cpu_us.map_or("-".to_owned(), micros),
            self.publishes_per_cpu_second.map_or("-".to_owned(), count),
        ]
    }
}
