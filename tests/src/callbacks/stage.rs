//! The broker, the service, and the processes of its clients.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use client_sdk::{Callback, Client, Serving};
use tokio::sync::Notify;
use tokio::time::timeout;

use super::clients::{NAME, Orders, PATIENCE};
use super::target::{Ages, Desk, Report, Target};
use crate::process::{Process, cpu_of};

/// A broker with a service, and clients that have joined it.
pub struct Stage {
    /// The broker.
    pub broker: Process,
    /// The service's connection.
    pub client: Client,
    pub(super) hall: Hall,
    pub(super) orders: Orders,
    pub(super) processes: Vec<Clients>,
    _serving: Serving,
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

/// The service: who has joined, and how many calls each has taken.
#[derive(Clone, Default)]
pub(super) struct Hall(Arc<Seats>);

#[derive(Default)]
struct Seats {
    seats: Mutex<Vec<Seat>>,
    news: Notify,
}

#[derive(Clone)]
struct Seat {
    target: Callback<dyn Target>,
    taken: Arc<AtomicU64>,
}

#[client_sdk::service]
impl Desk for Hall {
    async fn join(&self, target: Callback<dyn Target>) -> u64 {
        let mut seats = self.lock();
        seats.push(Seat { target, taken: Arc::default() });
        let number = seats.len() as u64 - 1;
        drop(seats);
        self.0.news.notify_one();
        number
    }

    async fn taken(&self, number: u64, calls: u64) {
        if let Some(seat) = self.lock().get(number as usize) {
            seat.taken.fetch_max(calls, Ordering::Relaxed);
        }
        self.0.news.notify_one();
    }
}

impl Hall {
    fn lock(&self) -> MutexGuard<'_, Vec<Seat>> {
        self.0.seats.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn targets(&self) -> Vec<Callback<dyn Target>> {
        self.lock().iter().map(|seat| seat.target.clone()).collect()
    }

    /// How many calls all have taken, as far as they have said.
    pub(super) fn taken(&self) -> u64 {
        self.lock().iter().map(|seat| seat.taken.load(Ordering::Relaxed)).min().unwrap_or(0)
    }

    /// Waits until something is as it should be.
    pub(super) async fn until(&self, is_so: impl Fn(&Self) -> bool) -> anyhow::Result<()> {
        while !is_so(self) {
            let news = timeout(PATIENCE, self.0.news.notified()).await;
            news.context("nothing comes from the clients any more")?;
        }
        Ok(())
    }
}

impl Stage {
    /// Starts a broker with a listener of this scheme, and the service.
    ///
    /// # Errors
    /// Whatever stands in the way.
    pub async fn open(scheme: &str, settings: &[&str]) -> anyhow::Result<Self> {
        let broker = Process::listening(&beside("broker")?, scheme, settings)?;
        let (url, fingerprint) = (broker.url.clone(), broker.fingerprint.clone());
        let orders = Orders { url, fingerprint, count: 1, expiry: None };
        let client = orders.connect().await?;
        let hall = Hall::default();
        let _serving = client.serving(NAME).waiting_max(100_000).start(hall.clone()).await?;
        Ok(Self { broker, client, hall, orders, processes: Vec::new(), _serving })
    }

    /// Starts a process with so many clients, and waits until all have joined.
    ///
    /// # Errors
    /// Whatever stands in the way.
    pub async fn enter(&mut self, count: usize, expiry: Option<Duration>) -> anyhow::Result<()> {
        let orders = Orders { count, expiry, ..self.orders.clone() };
        let there = self.hall.lock().len() + count;
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("clients").args(orders.arguments()).stdin(Stdio::piped());
        self.processes.push(Clients(command.spawn()?));
        self.hall.until(|hall| hall.lock().len() == there).await
    }

    /// Forgets who has joined.
    pub(super) fn leave(&mut self) {
        self.processes.clear();
        let seats = std::mem::take(&mut *self.hall.lock());
        drop(seats);
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
