//! The objects behind a served name: one for all, or one for each client or session.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use super::Caller;
use super::incoming::Handler;
use crate::Client;

type Make = Box<dyn Fn(&Caller) -> Arc<dyn Handler> + Send + Sync>;

/// The objects behind a served name.
pub(super) enum Instances {
    Shared(Arc<dyn Handler>),
    PerClient(Each),
}

/// An object for each.
pub(super) struct Each {
    make: Make,
    most: usize,
    made: Mutex<Made>,
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
}

impl Instances {
    pub(super) fn per_client(
        make: impl Fn(&Caller) -> Arc<dyn Handler> + Send + Sync + 'static,
        most: usize,
    ) -> Self {
        Self::PerClient(Each { make: Box::new(make), most, made: Mutex::default() })
    }

    /// The object that a call is for.
    pub(super) fn of(&self, caller: &Caller, _client: &Client) -> Arc<dyn Handler> {
        match self {
            Self::Shared(handler) => Arc::clone(handler),
            Self::PerClient(each) => each.of(caller.name.as_ref(), caller),
        }
    }
}

impl Each {
    /// Who has no name shares the object of those who have none.
    fn of(&self, who: Option<&Arc<str>>, caller: &Caller) -> Arc<dyn Handler> {
        let who = who.cloned().unwrap_or_default();
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        made.calls += 1;
        let called = made.calls;
        if let Some(instance) = made.objects.get_mut(&who) {
            instance.called = called;
            return Arc::clone(&instance.handler);
        }
        drop(made);
        // User code: nothing is locked meanwhile.
        let handler = (self.make)(caller);
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        let gone = made.make_room(self.most);
        let instance = made.objects.entry(who).or_insert(Instance { handler, called });
        let handler = Arc::clone(&instance.handler);
        drop(made);
        drop(gone);
        handler
    }
}

impl Made {
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

impl fmt::Debug for Instances {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Shared(_) => "Shared",
            Self::PerClient(_) => "PerClient",
        })
    }
}
