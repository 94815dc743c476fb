//! The broker, the service, and the processes of its clients.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use client_sdk::{Client, Offered, Serving};

use super::clients::{NAME, Orders};
use super::hall::{Hall, Seats};
use super::target::{Ages, Listening, Report};
use crate::process::{Process, cpu_of};

/// A broker with a service, and clients that have joined it.
pub struct Stage {
    /// The broker.
    pub broker: Process,
    /// The service's connection.
    pub client: Client,
    /// How many rounds may be under way.
    pub(super) window: u64,
    pub(super) hall: Hall,
    pub(super) orders: Orders,
    pub(super) processes: Vec<Clients>,
    _serving: Serving,
    _listening: Offered<dyn Listening>,
}

/// A process of clients. It ends when this is dropped.
#[derive(Debug)]
pub(super) struct Clients(pub(super) Child);

impl Drop for Clients {
    fn drop(&mut self) {
        // It may have ended before.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Stage {
    /// Starts a broker with a listener of this scheme, and the service. Of so many rounds that may be under
    /// way, clients say by halves that they have taken them.
    ///
    /// # Errors
    /// Whatever stands in the way.
    pub async fn open(scheme: &str, window: u64, settings: &[&str]) -> anyhow::Result<Self> {
        anyhow::ensure!(window >= 2, "a window has two halves");
        let broker = Process::listening(&beside("broker")?, scheme, settings)?;
        let (url, fingerprint) = (broker.url.clone(), broker.fingerprint.clone());
        let orders = Orders { url, fingerprint, count: 1, expiry: None };
        let client = orders.connect().await?;
        let seats = Seats::new(window / 2);
        let _listening = client.offer::<dyn Listening, _>(seats.clone()).await?;
        let hall = Hall::new(seats, _listening.callback());
        let _serving = client.serving(NAME).waiting_max(100_000).start(hall.clone()).await?;
        let processes = Vec::new();
        Ok(Self { broker, client, window, hall, orders, processes, _serving, _listening })
    }

    /// Starts a process with so many clients, and waits until all have joined.
    ///
    /// # Errors
    /// Whatever stands in the way.
    pub async fn enter(&mut self, count: usize, expiry: Option<Duration>) -> anyhow::Result<()> {
        let orders = Orders { count, expiry, ..self.orders.clone() };
        let there = self.hall.count() + count;
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("clients").args(orders.arguments()).stdin(Stdio::piped());
        self.processes.push(Clients(command.spawn()?));
        self.hall.until(|hall| hall.count() == there).await
    }

    /// Forgets who has joined.
    pub(super) fn leave(&mut self) {
        self.processes.clear();
        self.hall.leave();
    }

    /// What came to each of the clients.
    pub(super) async fn reports(&self) -> anyhow::Result<Vec<Report>> {
        let mut reports = Vec::new();
        for target in self.hall.targets() {
            reports.push(target.report().await?);
        }
        Ok(reports)
    }

    /// The ages of calls since they were asked for the last time.
    pub(super) async fn ages(&self) -> anyhow::Result<Ages> {
        let reports = self.reports().await?;
        Ok(Ages::new(reports.into_iter().flat_map(|report| report.ages).collect()))
    }

    /// The processor time of the broker, the service and all clients.
    pub(super) fn cpu(&self) -> anyhow::Result<[Duration; 3]> {
        let clients = self.processes.iter().map(|Clients(child)| cpu_of(child.id()));
        let clients = clients.sum::<anyhow::Result<Duration>>()?;
        Ok([self.broker.cpu()?, cpu_of(std::process::id())?, clients])
    }
}

/// A program beside this one.
fn beside(name: &str) -> anyhow::Result<PathBuf> {
    let here = std::env::current_exe()?;
    Ok(here.parent().map_or_else(PathBuf::new, Path::to_path_buf).join(name))
}
