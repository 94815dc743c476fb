//! What the process under load uses: its processor time and memory, as the kernel accounts them.

use std::time::Duration;

/// The process under load, or the threads of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Server {
    /// Its process id.
    pub pid: u32,
    /// How the names of its threads begin, if others share the process.
    threads: Option<&'static str>,
}

/// Where a server listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Listening<'a> {
    Tcp(u16),
    Udp(u16),
    Path(&'a str),
}

/// Finds the process that serves a URL, if that is on this machine and the kernel tells.
///
/// `ws://`, `wss://` and `quic://` with a loopback host, `unix:PATH`.
pub fn find_server(url: &str) -> Option<Server> {
    let listening = listening(url)?;
    system::holder(listening).map(Server::process)
}

fn listening(url: &str) -> Option<Listening<'_>> {
    let (scheme, rest) = url.split_once(':')?;
    if scheme == "unix" {
        return Some(Listening::Path(rest.trim_start_matches("//")));
    }
    let authority = rest.trim_start_matches('/').split('/').next()?;
    let (host, port) = authority.rsplit_once(':')?;
    let port = port.parse().ok()?;
    let host = host.trim_matches(['[', ']']);
    let loopback = host == "localhost"
        || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    match scheme {
        _ if !loopback => None,
        "quic" => Some(Listening::Udp(port)),
        _ => Some(Listening::Tcp(port)),
    }
}

impl Server {
    /// A process of its own.
    pub fn process(pid: u32) -> Self {
        Self { pid, threads: None }
    }

    /// The threads of this process whose names begin so: a server beside its clients.
    pub fn threads_here(names: &'static str) -> Self {
        Self { pid: std::process::id(), threads: Some(names) }
    }

    /// The processor time that its threads have used so far; those that have ended don't count.
    pub fn cpu(self) -> Option<Duration> {
        system::cpu(self.pid, self.threads)
    }

    /// What of it lies in memory, in bytes. Nobody can tell for some threads of a process.
    pub fn resident_bytes(self) -> Option<u64> {
        system::resident_bytes(self.pid).filter(|_| self.threads.is_none())
    }

    /// Whether its processor time is this process's as well.
    pub(crate) fn is_here(self) -> bool {
        self.pid == std::process::id()
    }
}

/// The processor time that all processes of this machine have used so far.
pub(crate) fn cpu_of_all() -> Option<Duration> {
    system::cpu_of_all()
}

/// The processor time that this process has used so far.
pub(crate) fn cpu_of_this() -> Option<Duration> {
    system::cpu(std::process::id(), None)
}

#[cfg(target_os = "linux")]
mod system {
    use std::time::Duration;

    use procfs::net::{TcpState, tcp, tcp6, udp, udp6, unix};
    use procfs::process::{FDTarget, Process, Task, all_processes};
    use procfs::{CurrentSI as _, KernelStats, page_size, ticks_per_second};

    use super::Listening;

    pub(super) fn cpu(pid: u32, names: Option<&str>) -> Option<Duration> {
        let tasks = Process::new(i32::try_from(pid).ok()?).ok()?.tasks().ok()?;
        let counts = |task: &Task| match names {
            Some(names) => task.stat().is_ok_and(|stat| stat.comm.starts_with(names)),
            None => true,
        };
        let times = tasks.flatten().filter(counts).filter_map(|task| task.schedstat().ok());
        Some(Duration::from_nanos(times.map(|time| time.sum_exec_runtime).sum()))
    }

    pub(super) fn resident_bytes(pid: u32) -> Option<u64> {
        let pages = Process::new(i32::try_from(pid).ok()?).ok()?.statm().ok()?.resident;
        Some(pages * page_size())
    }

    pub(super) fn cpu_of_all() -> Option<Duration> {
        let total = KernelStats::current().ok()?.total;
        let ticks = total.user + total.nice + total.system;
        let ticks = ticks + total.irq.unwrap_or(0) + total.softirq.unwrap_or(0);
        Some(Duration::from_secs_f64(ticks as f64 / ticks_per_second() as f64))
    }

    /// The process that holds a listening socket.
    pub(super) fn holder(listening: Listening<'_>) -> Option<u32> {
        let inode = inode(listening)?;
        let holds = |process: &Process| {
            process.fd().is_ok_and(|mut files| {
                files.any(|file| file.is_ok_and(|file| file.target == FDTarget::Socket(inode)))
            })
        };
        let holder = all_processes().ok()?.filter_map(Result::ok).find(holds)?;
        u32::try_from(holder.pid).ok()
    }

    fn inode(listening: Listening<'_>) -> Option<u64> {
        match listening {
            Listening::Tcp(port) => {
                let entries = [tcp(), tcp6()].into_iter().flatten().flatten();
                let mut listeners = entries.filter(|entry| entry.state == TcpState::Listen);
                listeners.find(|entry| entry.local_address.port() == port).map(|entry| entry.inode)
            }
            Listening::Udp(port) => {
                let mut entries = [udp(), udp6()].into_iter().flatten().flatten();
                entries.find(|entry| entry.local_address.port() == port).map(|entry| entry.inode)
            }
            Listening::Path(path) => {
                let named = |at: &Option<std::path::PathBuf>| at.as_deref() == Some(path.as_ref());
                unix().ok()?.into_iter().find(|entry| named(&entry.path)).map(|entry| entry.inode)
            }
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use std::time::Duration;

    use super::Listening;

    pub(super) fn cpu(_pid: u32, _names: Option<&str>) -> Option<Duration> {
        None
    }

    pub(super) fn resident_bytes(_pid: u32) -> Option<u64> {
        None
    }

    pub(super) fn cpu_of_all() -> Option<Duration> {
        None
    }

    pub(super) fn holder(_listening: Listening<'_>) -> Option<u32> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_urls_of_this_machine_name_a_process_here() {
        assert_eq!(listening("ws://127.0.0.1:7400"), Some(Listening::Tcp(7400)));
        assert_eq!(listening("wss://localhost:7400/x"), Some(Listening::Tcp(7400)));
        assert_eq!(listening("quic://[::1]:7400"), Some(Listening::Udp(7400)));
        assert_eq!(listening("unix:/run/broker"), Some(Listening::Path("/run/broker")));
        for elsewhere in ["ws://192.0.2.1:7400", "ws://broker.example:7400", "ws://127.0.0.1", ""] {
            assert_eq!(listening(elsewhere), None, "{elsewhere}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_process_that_listens_is_found_and_its_use_is_known() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let port = listener.local_addr().expect("it is bound").port();
        let server = find_server(&format!("ws://127.0.0.1:{port}")).expect("it is found");
        assert_eq!(server.pid, std::process::id());
        assert!(server.cpu().is_some_and(|cpu| cpu > Duration::ZERO));
        assert!(server.resident_bytes().is_some_and(|bytes| bytes > 100_000));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn of_a_process_only_the_threads_with_the_name_count() {
        let (stop, stopped) = std::sync::mpsc::channel::<()>();
        let (tell, told) = std::sync::mpsc::channel();
        let work = move || {
            let begun = std::time::Instant::now();
            while begun.elapsed() < Duration::from_millis(5) {}
            tell.send(()).expect("the test waits for it");
            let _ = stopped.recv();
        };
        let named = std::thread::Builder::new().name("at-work-0".to_owned());
        let thread = named.spawn(work).expect("there is a thread");
        told.recv().expect("it has worked");
        let cpu = Server::threads_here("at-work").cpu().expect("the kernel tells");
        assert!(cpu > Duration::ZERO && Some(cpu) < Server::process(std::process::id()).cpu());
        assert_eq!(Server::threads_here("nobody").cpu(), Some(Duration::ZERO));
        drop(stop);
        thread.join().expect("it ends");
    }
}
