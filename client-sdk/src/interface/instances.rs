//! The objects behind a served name: one for all, or one for each client or session.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use super::Caller;
use super::holding::Holding;
use super::incoming::Handler;
use crate::Client;

type Make = Box<dyn Fn(&Caller) -> Arc<dyn Handler> + Send + Sync>;

/// The objects behind a served name.
pub(super) enum Instances {
    Shared(Arc<dyn Handler>),
    Each(Each),
}

/// For whom there is an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum For {
    /// Each client, by its name.
    Client,
    /// Each session; the object goes with it.
    Session,
}

/// An object for each.
pub(super) struct Each {
    whom: For,
    make: Make,
    most: usize,
    made: Arc<Mutex<Made>>,
}

#[derive(Default)]
struct Made {
    objects: HashMap<Arc<str>, Instance>,
    calls: u64,
}

struct Instance {
    handler: Arc<dyn Handler>,
    /// The number of the last call to it.
    called: u64,
    /// That the end of its session will be told.
    _held: Option<Arc<Holding>>,
}

impl Instances {
    pub(super) fn each(
        whom: For,
        make: impl Fn(&Caller) -> Arc<dyn Handler> + Send + Sync + 'static,
        most: usize,
    ) -> Self {
        Self::Each(Each { whom, make: Box::new(make), most, made: Arc::default() })
    }

    /// The object that a call is for.
    pub(super) fn of(&self, caller: &Caller, client: &Client) -> Arc<dyn Handler> {
        match self {
            Self::Shared(handler) => Arc::clone(handler),
            Self::Each(each) => each.of(caller, client),
        }
    }
}

impl Each {
    fn of(&self, caller: &Caller, client: &Client) -> Arc<dyn Handler> {
        let who = match self.whom {
            For::Client => caller.name.clone(),
            For::Session => caller.session.clone(),
        };
        // Those of whom the broker tells neither share one object.
        let who = who.unwrap_or_default();
        if let Some(handler) = lock(&self.made).called(&who) {
            return handler;
        }
        // User code: nothing is locked meanwhile.
        let handler = (self.make)(caller);
        let held = (self.whom == For::Session).then(|| client.hub().hold(&who));
        let mut made = lock(&self.made);
        if let Some(handler) = made.called(&who) {
            return handler;
        }
        let gone = made.make_room(self.most);
        let called = made.calls;
        if let Some(held) = &held {
            self.until_over(held, client);
        }
        let instance = Instance { handler: Arc::clone(&handler), called, _held: held };
        made.objects.insert(who, instance);
        drop(made);
        // User code again.
        drop(gone);
        handler
    }

    /// Drops the object once its session is over.
    fn until_over(&self, held: &Holding, client: &Client) {
        let (over, session) = (held.awaited(), Arc::clone(held.token()));
        let made: Weak<Mutex<Made>> = Arc::downgrade(&self.made);
        client.hub().runtime.spawn(async move {
            let is_over = over.reason().await.is_some();
            if is_over && let Some(made) = made.upgrade() {
                let gone = lock(&made).objects.remove(&session);
                drop(gone);
            }
        });
    }
}

impl Made {
    fn called(&mut self, who: &str) -> Option<Arc<dyn Handler>> {
        self.calls += 1;
        let instance = self.objects.get_mut(who)?;
        instance.called = self.calls;
        Some(Arc::clone(&instance.handler))
    }

    /// Takes out the one that was called longest ago, if there is no room for another.
    fn make_room(&mut self, most: usize) -> Option<Instance> {
        if self.objects.len() < most {
            return None;
        }
        let (oldest, _) = self.objects.iter().min_by_key(|(_, instance)| instance.called)?;
        let oldest = Arc::clone(oldest);
        self.objects.remove(&oldest)
    }
}

fn lock(made: &Mutex<Made>) -> MutexGuard<'_, Made> {
    made.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Instances {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shared(_) => f.write_str("Shared"),
            Self::Each(each) => f.debug_tuple("Each").field(&each.whom).finish(),
        }
    }
}
