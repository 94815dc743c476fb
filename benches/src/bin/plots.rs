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
    let rows = read("fanout-subscribers")?;
    let at = |row: &Row| row.subscribers as f64;
    let curves = curves(&rows, "websocket", at);
    let title = "The cost of a delivery: subscribers (WebSocket, 128 B)".to_owned();
    Ok(Picture { title, across: "subscribers of the topic", up: COST, curves })
}

fn topics() -> anyhow::Result<Picture> {
    let rows = read("fanout-topics")?;
    let at = |row: &Row| row.topics as f64;
    let both = ["websocket", "memory"];
    let curves = both.iter().flat_map(|transport| curves(&rows, transport, at)).collect();
    let title =
        "The cost of a delivery: topics (1,000 subscribers over WebSocket, 10,000 over memory)";
    Ok(Picture {
        title: title.to_owned(),
        across: "topics, dealt to the subscribers",
        up: COST,
        curves,
    })
}

fn payloads() -> anyhow::Result<Picture> {
    let rows = read("fanout-payloads")?;
    let curves = curves(&rows, "websocket", |row| row.payload_bytes as f64);
    let title = "The cost of a delivery: payload (1,000 subscribers, WebSocket)".to_owned();
    Ok(Picture { title, across: "bytes of each payload", up: COST, curves })
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
    at: impl Fn(&Row) -> f64,
) -> Vec<(String, Vec<(f64, f64)>)> {
    let curve = |regime: Regime| {
        let of_it = |row: &&Row| row.regime == regime.name() && row.transport == transport;
        let point = |row: &Row| Some((at(row), row.cpu_us?));
        let points = rows.iter().filter(of_it).filter_map(point).collect();
        (format!("{transport}, {}", regime.name()), points)
    };
    Regime::ALL.map(curve).into()
}
