//! What encoding and decoding cost, in both codecs.
//!
//! `cargo bench -p broker-benches --bench codecs`

use std::hint::black_box;
use std::time::{Duration, SystemTime};

use broker_benches::estimates::{Estimated, nanoseconds};
use broker_benches::{is_short, print_table, results};
use broker_protocol::frame::{Body, BrokerFrame, ClientFrame, Message, Publish};
use broker_protocol::{Codec, message};
use bytes::BytesMut;
use criterion::{BenchmarkId, Criterion, Throughput};

const SIZES: [usize; 3] = [16, 128, 4096];

/// What is measured with each size.
const MEASURED: [&str; 6] = [
    "decode-publish/bincode",
    "decode-publish/json",
    "encode-message/bincode",
    "encode-message/json",
    "stamp-message/bincode",
    "bincode-to-json",
];

fn main() -> anyhow::Result<()> {
    let begun = SystemTime::now();
    let mut criterion = configured().configure_from_args();
    for size in SIZES {
        let payload = vec![b'x'; size];
        for codec in [Codec::Bincode, Codec::Json] {
            decode_publish(&mut criterion, codec, &payload);
            encode_message(&mut criterion, codec, &payload);
        }
        stamp_message(&mut criterion, &payload);
        transcode_message(&mut criterion, &payload);
    }
    criterion.final_summary();
    let row = |group: &'static str, size: usize| {
        let nanoseconds = nanoseconds(group, "", size, begun)?;
        Some(Estimated { function: group.to_owned(), parameter: size, nanoseconds })
    };
    let rows = MEASURED.iter().flat_map(|group| SIZES.map(|size| row(group, size)));
    let rows: Vec<_> = rows.flatten().collect();
    if rows.is_empty() {
        return Ok(());
    }
    let lines: Vec<_> = rows.iter().map(Estimated::cells).collect();
    print_table("codecs", ["function", "payload B", "ns"], &lines);
    results::write("codecs", &rows)
}

fn configured() -> Criterion {
    let criterion = Criterion::default();
    if !is_short() {
        return criterion;
    }
    let (warm_up, measurement) = (Duration::from_millis(50), Duration::from_millis(100));
    criterion.sample_size(10).warm_up_time(warm_up).measurement_time(measurement)
}

fn decode_publish(criterion: &mut Criterion, codec: Codec, payload: &[u8]) {
    let mut bytes = BytesMut::new();
    codec.write_client(&ClientFrame::Publish(Publish::bytes("market.btc", payload)), &mut bytes);
    let mut group = criterion.benchmark_group(format!("decode-publish/{}", codec.name()));
    group.throughput(Throughput::Elements(1));
    group.bench_function(BenchmarkId::from_parameter(payload.len()), |bencher| {
        bencher.iter(|| {
            let cut = codec.cut(black_box(&bytes), 1 << 20).ok().flatten().expect("one frame");
            black_box(codec.read_client(cut.frame).is_ok())
        });
    });
}

fn encode_message(criterion: &mut Criterion, codec: Codec, payload: &[u8]) {
    let message = BrokerFrame::Message(message_of(payload));
    let mut group = criterion.benchmark_group(format!("encode-message/{}", codec.name()));
    group.throughput(Throughput::Elements(1));
    group.bench_function(BenchmarkId::from_parameter(payload.len()), |bencher| {
        let mut out = BytesMut::with_capacity(1 << 20);
        bencher.iter(|| {
            out.clear();
            codec.write_broker(black_box(&message), &mut out);
            black_box(out.len())
        });
    });
}

/// The short way: the parts are there, the place in the order comes in front.
fn stamp_message(criterion: &mut Criterion, payload: &[u8]) {
    let Message { topic, body, .. } = message_of(payload);
    let mut parts = BytesMut::new();
    message::write_parts(&topic, Some("publisher"), &body, &mut parts);
    let mut group = criterion.benchmark_group("stamp-message/bincode");
    group.throughput(Throughput::Elements(1));
    group.bench_function(BenchmarkId::from_parameter(payload.len()), |bencher| {
        let mut out = BytesMut::with_capacity(1 << 20);
        bencher.iter(|| {
            out.clear();
            message::write_frame(7, 1, 2, black_box(&parts), &mut out);
            black_box(out.len())
        });
    });
}

fn transcode_message(criterion: &mut Criterion, payload: &[u8]) {
    let mut frame = BytesMut::new();
    Codec::Bincode.write_broker(&BrokerFrame::Message(message_of(payload)), &mut frame);
    let mut group = criterion.benchmark_group("bincode-to-json");
    group.throughput(Throughput::Elements(1));
    group.bench_function(BenchmarkId::from_parameter(payload.len()), |bencher| {
        let mut out = BytesMut::with_capacity(1 << 20);
        bencher.iter(|| {
            out.clear();
            black_box(message::to_json(black_box(&frame), &mut out).is_ok())
        });
    });
}

fn message_of(payload: &[u8]) -> Message<'_> {
    let body = Body { payload: payload.into(), ..Body::default() };
    let from = Some("publisher".into());
    Message { seq: 7, epoch: 1, time: 2, topic: "market.btc".into(), from, body }
}
