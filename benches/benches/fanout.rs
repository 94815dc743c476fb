//! One message to many: deliveries per second, and what each costs the broker's core.
//!
//! `cargo bench -p broker-benches --bench fanout`. The broker runs in this process, one shard in a
//! thread of its own; all clients are bare links in the bench's thread. `1` message at a time shows
//! a write and a packet for each delivery, `64` what gathering saves.

use std::time::{Duration, Instant};

use broker::{Broker, Builder, Liveness, SUBPROTOCOLS, ShardConfig};
use broker_benches::fleet::Fleet;
use broker_benches::table::{Row, Table};
use broker_benches::{cpu, is_short};
use broker_tests::{Setting, Transport};
use criterion::{BenchmarkId, Criterion, Throughput};
use tokio::runtime::LocalRuntime;

/// The transports that are measured.
const MEASURED: [Transport; 3] = [Transport::Memory, Transport::WebSocket, Transport::Quic];

/// Longer than any bench.
const HOUR: Duration = Duration::from_secs(3600);

/// Payload bytes of every message.
const PAYLOAD: [u8; 128] = [b'x'; 128];

/// How many messages are published in one packet.
const GATHERED: [usize; 2] = [1, 64];

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    if is_short() {
        criterion = criterion
            .sample_size(10)
            .warm_up_time(Duration::from_millis(100))
            .measurement_time(Duration::from_millis(300));
    } else {
        criterion = criterion.sample_size(10).measurement_time(Duration::from_secs(3));
    }
    let table = Table::default();
    for transport in MEASURED {
        for subscribers in fleets().iter().copied() {
            measure(&mut criterion, &table, transport, subscribers);
        }
    }
    criterion.final_summary();
    table.print();
}

fn fleets() -> &'static [usize] {
    if is_short() { &[1, 100] } else { &[1, 100, 1000, 5000] }
}

/// A broker that expects no sign of life: bare clients answer no pings.
fn patient() -> Builder {
    let liveness = Liveness { ping_interval: HOUR, ping_misses: 10, ..Liveness::default() };
    Broker::builder().config(ShardConfig { liveness, ..ShardConfig::default() })
}

fn measure(criterion: &mut Criterion, table: &Table, transport: Transport, subscribers: usize) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build_local(tokio::runtime::LocalOptions::default())
        .expect("the system gives a runtime");
    let setting = runtime.block_on(transport.start_with(patient())).expect("the broker starts");
    let mut fleet = runtime
        .block_on(Fleet::connect(&setting.place, subscribers, SUBPROTOCOLS[0]))
        .expect("the fleet connects");
    let mut group = criterion.benchmark_group(format!("fanout/{}", transport.name()));
    for gathered in GATHERED {
        let deliveries = fleet.subscribers() * gathered as u64;
        group.throughput(Throughput::Elements(deliveries));
        let id = BenchmarkId::new(format!("{gathered}-at-a-time"), subscribers);
        group.bench_function(id, |bencher| {
            bencher.iter_custom(|rounds| {
                let row = run(&runtime, &mut fleet, transport, gathered, rounds);
                let elapsed = row.elapsed;
                table.add(row);
                elapsed
            });
        });
    }
    group.finish();
    drop(fleet);
    let Setting { running, .. } = setting;
    runtime.block_on(running.shutdown());
}

fn run(
    runtime: &LocalRuntime,
    fleet: &mut Fleet,
    transport: Transport,
    gathered: usize,
    rounds: u64,
) -> Row {
    let cpu_before = cpu::of_shards();
    let started = Instant::now();
    runtime.block_on(async {
        for _ in 0..rounds {
            fleet.round(&PAYLOAD, gathered).await.expect("no link ends during a bench");
        }
    });
    let elapsed = started.elapsed();
    let cpu = cpu::of_shards().zip(cpu_before).map(|(after, before)| after - before);
    let subscribers = fleet.subscribers();
    let deliveries = subscribers * gathered as u64 * rounds;
    Row { transport: transport.name(), subscribers, gathered, deliveries, elapsed, cpu }
}
