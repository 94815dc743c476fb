//! Draws into `docs/images` how the cost of a delivery grows, from what the benches measured.
//!
//! `cargo bench -p broker-benches`, then `cargo run --release -p broker-benches --bin plots`. What
//! hasn't been measured yet isn't drawn.

use std::fs;

use broker_benches::estimates::Estimated;
use broker_benches::picture::Picture;
use broker_benches::results::{images_directory, read};
use broker_benches::{Regime, Row};

/// What the vertical axes of deliveries count.
const COST: &str = "µs of the broker's CPU per delivery";

fn main() -> anyhow::Result<()> {
    fs::create_dir_all(images_directory())?;
    let pictures = [
        ("cost-subscribers", subscribers()),
        ("cost-topics", topics()),
        ("cost-payload", payloads()),
        ("cost-filters", filters()),
    ];
    for (name, picture) in pictures {
        let path = images_directory().join(format!("{name}.svg"));
        match picture {
            Ok(picture) => {
                fs::write(&path, picture.draw()?)?;
                println!("{name}.svg is drawn");
            }
            Err(error) => println!("{name}.svg is not: {error:#}"),
        }
    }
    Ok(())
}

fn subscribers() -> anyhow::Result<Picture> {
    let rows = read_rows("fanout-subscribers")?;
    let curves = curves(&rows, "websocket", &Regime::ALL, |row| row.subscribers as f64);
    let title = "The cost of a delivery: subscribers (WebSocket, 128 B)".to_owned();
    Ok(Picture { title, across: "subscribers of the topic", up: COST, curves })
}

/// Without pace: with many topics it has few deliveries at a time, and shows what waking costs.
fn topics() -> anyhow::Result<Picture> {
    let rows = read_rows("fanout-topics")?;
    let regimes = [Regime::Flood, Regime::OneAtATime];
    let both = ["websocket", "memory"].into_iter();
    let curves = both.flat_map(|name| curves(&rows, name, &regimes, |row| row.topics as f64));
    let curves = curves.collect();
    let title =
        "The cost of a delivery: topics (1,000 subscribers over WebSocket, 10,000 over memory)";
    let (title, across) = (title.to_owned(), "topics, dealt to the subscribers");
    Ok(Picture { title, across, up: COST, curves })
}

fn payloads() -> anyhow::Result<Picture> {
    let rows = read_rows("fanout-payloads")?;
    let curves = curves(&rows, "websocket", &Regime::ALL, |row| row.payload_bytes as f64);
    let title = "The cost of a delivery: payload (1,000 subscribers, WebSocket)".to_owned();
    Ok(Picture { title, across: "bytes of each payload", up: COST, curves })
}

/// Reads rows, and says how many of them speak against themselves.
fn read_rows(name: &str) -> anyhow::Result<Vec<Row>> {
    let rows: Vec<Row> = read(name)?;
    let doubtful = rows.iter().filter(|row| row.remark.is_some()).count();
    if doubtful > 0 {
        println!("{name}: {doubtful} of {} rows have a remark; better measure again", rows.len());
    }
    Ok(rows)
}

fn filters() -> anyhow::Result<Picture> {
    let rows: Vec<Estimated> = read("matching")?;
    let names = [
        ("ten", "a topic that ten match"),
        ("one", "a topic that one matches"),
        ("none", "a topic that none matches"),
        ("spread", "topics all over, one match each"),
        ("come-and-go", "insert and remove a filter"),
    ];
    let curve = |(function, name): (&str, &str)| {
        let of_it = rows.iter().filter(|row| row.function == function);
        let points = of_it.map(|row| (row.parameter as f64, row.nanoseconds / 1e3)).collect();
        (name.to_owned(), points)
    };
    let title = "The cost of matching: filters".to_owned();
    let curves = names.map(curve).into();
    Ok(Picture { title, across: "filters", up: "µs", curves })
}

/// A curve for each regime.
fn curves(
    rows: &[Row],
    transport: &str,
    regimes: &[Regime],
    at: impl Fn(&Row) -> f64,
) -> Vec<(String, Vec<(f64, f64)>)> {
    let curve = |regime: &Regime| {
        let of_it = |row: &&Row| row.regime == regime.name() && row.transport == transport;
        let point = |row: &Row| Some((at(row), row.cpu_us?));
        let points = rows.iter().filter(of_it).filter_map(point).collect();
        (format!("{transport}, {}", regime.name()), points)
    };
    regimes.iter().map(curve).collect()
}
