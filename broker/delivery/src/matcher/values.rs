//! What one filter holds, in insertion order: nearly always a single value, which then lies in the
//! node itself.

/// No, one or several values in two words of memory.
#[derive(Debug)]
pub(super) enum Values<V> {
    None,
    One(V),
    Several(Box<Several<V>>),
}

/// The rare case, behind one pointer so that the common one stays small.
#[derive(Debug)]
pub(super) struct Several<V>(Vec<V>);

impl<V> Values<V> {
    pub(super) fn is_empty(&self) -> bool {
        matches!(self, Self::None)
    }

    pub(super) fn as_slice(&self) -> &[V] {
        match self {
            Self::None => &[],
            Self::One(value) => std::slice::from_ref(value),
            Self::Several(several) => &several.0,
        }
    }

    pub(super) fn as_mut_slice(&mut self) -> &mut [V] {
        match self {
            Self::None => &mut [],
            Self::One(value) => std::slice::from_mut(value),
            Self::Several(several) => &mut several.0,
        }
    }

    pub(super) fn push(&mut self, value: V) {
        *self = match std::mem::replace(self, Self::None) {
            Self::None => Self::One(value),
            Self::One(first) => Self::Several(Box::new(Several(vec![first, value]))),
            Self::Several(mut several) => {
                several.0.push(value);
                Self::Several(several)
            }
        };
    }
}

impl<V: PartialEq> Values<V> {
    /// Removes the oldest value that is equal; tells whether there was one.
    pub(super) fn remove(&mut self, value: &V) -> bool {
        let Some(at) = self.as_slice().iter().position(|held| held == value) else {
            return false;
        };
        *self = match std::mem::replace(self, Self::None) {
            Self::Several(mut several) => {
                several.0.remove(at);
                several.shrunk()
            }
            _ => Self::None,
        };
        true
    }
}

impl<V> Several<V> {
    fn shrunk(mut self: Box<Self>) -> Values<V> {
        if self.0.len() > 1 {
            if self.0.capacity() > 4 * self.0.len() {
                self.0.shrink_to(2 * self.0.len());
            }
            return Values::Several(self);
        }
        self.0.pop().map_or(Values::None, Values::One)
    }
}
