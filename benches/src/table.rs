//! The table at the end of a run.

use std::cell::RefCell;
use std::time::Duration;

/// What one cell of the table was measured to be.
#[derive(Debug, Clone)]
pub struct Row {
    /// The transport.
    pub transport: &'static str,
    /// How many subscribers.
    pub subscribers: u64,
    /// How many messages were published at a time.
    pub gathered: usize,
    /// How many deliveries were measured.
    pub deliveries: u64,
    /// How long they took.
    pub elapsed: Duration,
    /// What the shard needed of its processor.
    pub cpu: Option<Duration>,
}

/// Rows, collected while benches run.
#[derive(Debug, Default)]
pub struct Table {
    rows: RefCell<Vec<Row>>,
}

impl Table {
    /// Adds to the row of the same setting, or a new one.
    pub fn add(&self, row: Row) {
        let mut rows = self.rows.borrow_mut();
        let same = |known: &&mut Row| {
            (known.transport, known.subscribers, known.gathered)
                == (row.transport, row.subscribers, row.gathered)
        };
        match rows.iter_mut().find(same) {
            None => rows.push(row),
            Some(known) => {
                known.deliveries += row.deliveries;
                known.elapsed += row.elapsed;
                known.cpu = known.cpu.zip(row.cpu).map(|(known, cpu)| known + cpu);
            }
        }
    }

    /// Prints everything as a Markdown table.
    pub fn print(&self) {
        println!();
        println!(
            "| transport | subscribers | messages at a time | deliveries/s | CPU µs/delivery |"
        );
        println!("|---|---:|---:|---:|---:|");
        for row in self.rows.borrow().iter() {
            let per_second = row.deliveries as f64 / row.elapsed.as_secs_f64();
            let cpu = row.cpu.map_or("-".to_owned(), |cpu| {
                format!("{:.3}", cpu.as_secs_f64() * 1e6 / row.deliveries as f64)
            });
            let Row { transport, subscribers, gathered, .. } = row;
            println!("| {transport} | {subscribers} | {gathered} | {per_second:.0} | {cpu} |");
        }
    }
}
