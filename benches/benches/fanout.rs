//! One message to many: deliveries per second, and what each costs the broker's shards.
//!
//! `cargo bench -p broker-benches --bench fanout -- [AXIS]...`, where axes are `transports`,
//! `subscribers`, `topics`, `payloads`, `codecs`, `shards` and `clients`; raise `ulimit -n` to 20,000
//! first. The broker runs in this process, each shard in a thread of its own, and the engine of
//! `broker bench` drives all clients in one thread more, which never sleeps: what they cost is how much
//! of its time had work in it. One thing is varied at a time, from a cell
//! with 1,000 subscribers over WebSocket, one topic, one shard, 128 bytes, bincode.

use broker_benches::{Axis, Regime, Row, Selection, axes, print_table, results};

fn main() -> anyhow::Result<()> {
    let selection = Selection::of_arguments();
    let selected =
        axes().into_iter().filter(|axis| selection.has(&format!("fanout/{}", axis.name)));
    for axis in selected {
        measure(&axis)?;
    }
    Ok(())
}

fn measure(axis: &Axis) -> anyhow::Result<()> {
    let mut rows = Vec::new();
    for regime in Regime::ALL {
        let mut measured = vec![Vec::new(); axis.cells.len()];
        for _ in 0..axis.rounds {
            for (cell, measured) in axis.cells.iter().zip(&mut measured) {
                measured.push(cell.measure(regime)?);
            }
        }
        rows.extend(measured.into_iter().map(median));
    }
    let lines: Vec<_> = rows.iter().map(Row::cells).collect();
    print_table(&format!("fanout/{}", axis.name), Row::COLUMNS, &lines);
    if axis.name == "codecs" {
        compare_codecs(&rows);
    }
    results::write(&format!("fanout-{}", axis.name), &rows)
}

/// The row whose deliveries cost neither most nor least.
fn median(mut rows: Vec<Row>) -> Row {
    let cost = |row: &Row| row.cpu_us.unwrap_or(f64::MAX);
    rows.sort_by(|one, other| cost(one).total_cmp(&cost(other)));
    rows.swap_remove(rows.len() / 2)
}

/// What JSON costs more, beside what it writes more.
fn compare_codecs(rows: &[Row]) {
    let of = |codec: &str, regime: Regime| {
        rows.iter().find(|row| row.codec == codec && row.regime == regime.name())
    };
    let compared = Regime::ALL.iter().filter_map(|&regime| {
        let (json, bincode) = (of("json", regime)?, of("bincode", regime)?);
        let bytes = json.frame_bytes as f64 / bincode.frame_bytes as f64;
        let cpu = json.cpu_us? / bincode.cpu_us?;
        Some([regime.name().to_owned(), format!("{bytes:.2}"), format!("{cpu:.2}")])
    });
    let columns = ["json ÷ bincode", "bytes of a frame", "CPU/delivery"];
    print_table("fanout/codecs, compared", columns, &compared.collect::<Vec<_>>());
}
