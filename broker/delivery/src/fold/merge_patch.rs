//! JSON Merge Patch (RFC 7396), and the care that it needs: two patches have one that does the same
//! only if no object of the later lies over what the earlier removed or made no object.

use super::document::Node;
use super::{Fold, Folded};

/// How deep objects are merged. Payloads that differ further down aren't folded.
const DEPTH_MAX: usize = 64;

/// Folds by JSON Merge Patch (RFC 7396).
#[derive(Debug, Clone, Copy, Default)]
pub struct MergePatch;

impl Fold for MergePatch {
    fn fold(&self, earlier: &[u8], later: &[u8]) -> Option<Vec<u8>> {
        self.fold_front(&[earlier, later], usize::MAX).map(|folded| folded.payload)
    }

    fn apply(&self, document: &[u8], later: &[u8]) -> Option<Vec<u8>> {
        apply(document, later)
    }

    /// Reads the document once, and writes it once.
    fn apply_all(&self, document: &[u8], later: &[&[u8]]) -> Vec<u8> {
        let (mut instead, mut patched_so_far) = (document, Node::read(document));
        for payload in later {
            let before = patched_so_far.take();
            let patch = Node::read_opened(payload);
            patched_so_far = patch.and_then(|patch| patched(before, patch, DEPTH_MAX));
            if patched_so_far.is_none() {
                (instead, patched_so_far) = (payload, Node::read(payload));
            }
        }
        let Some(document) = patched_so_far else { return instead.to_vec() };
        let mut out = Vec::with_capacity(document.bytes());
        document.write(&mut out);
        out
    }

    fn fold_front(&self, payloads: &[&[u8]], bytes_max: usize) -> Option<Folded> {
        let (folded, beyond) = fold_while(payloads, bytes_max);
        match beyond {
            false => folded,
            // The last was one too many, and what it changed can't be taken back.
            true => fold_while(&payloads[..folded?.count - 1], bytes_max).0,
        }
    }
}

/// Folds payloads up to the first that doesn't compose with those before. Stops at one that makes
/// them too large, and tells that.
fn fold_while(payloads: &[&[u8]], bytes_max: usize) -> (Option<Folded>, bool) {
    let mut payloads = payloads.iter().copied();
    let Some(mut folded) = payloads.next().and_then(Node::read_opened) else {
        return (None, false);
    };
    let (mut count, mut beyond) = (1, false);
    for payload in payloads {
        let Some(mut later) = Node::read_opened(payload) else { break };
        if !composes(&mut folded, &mut later, DEPTH_MAX) {
            break;
        }
        merge(&mut folded, later);
        count += 1;
        beyond = folded.bytes() > bytes_max;
        if beyond {
            break;
        }
    }
    let mut payload = Vec::new();
    if !beyond {
        payload.reserve_exact(folded.bytes());
        folded.write(&mut payload);
    }
    ((count > 1).then_some(Folded { payload, count }), beyond)
}

/// Whether one patch can do what both do, one after the other.
fn composes(earlier: &mut Node<'_>, later: &mut Node<'_>, depth: usize) -> bool {
    if !later.is_object() {
        return true;
    }
    if depth == 0 || !earlier.is_object() {
        return false;
    }
    let (Some(earlier), Some(later)) = (earlier.open(), later.open()) else { return false };
    later.iter_mut().all(|member| {
        !member.node.is_object() || {
            let known = earlier.find(member.name());
            // RFC 7396 §2: over a member that isn't there an object makes a new one, over one that
            // is, it changes that. A patch that removes it first can't say so.
            known.is_none_or(|known| composes_over(known, &mut member.node, depth))
        }
    })
}

fn composes_over(known: &mut Node<'_>, later: &mut Node<'_>, depth: usize) -> bool {
    composes(known, later, depth - 1)
}

/// Takes a later patch in that composes. Unlike in a document, what it removes stays as `null`.
fn merge<'a>(earlier: &mut Node<'a>, later: Node<'a>) {
    match (earlier, later) {
        (Node::Object(earlier), Node::Object(later)) => {
            later.into_iter().for_each(|member| earlier.put(member, merge));
        }
        (earlier, later) => *earlier = later,
    }
}

/// What a patch makes of a document (RFC 7396 §2): what is retained of a topic whose messages are
/// patches, and what a client has that applies them. Members keep their order, new ones come behind;
/// what the patch doesn't touch stays as it is written.
///
/// A document that isn't JSON, as one of no bytes, is as good as none: the patch is applied to nothing.
///
/// `None` where the patch isn't JSON, or either has a name twice in an object that is merged, or is
/// nested too deep to be: then the patch stands for itself.
pub fn apply(document: &[u8], patch: &[u8]) -> Option<Vec<u8>> {
    let patched = patched(Node::read(document), Node::read_opened(patch)?, DEPTH_MAX)?;
    let mut out = Vec::with_capacity(patched.bytes());
    patched.write(&mut out);
    Some(out)
}

fn patched<'a>(target: Option<Node<'a>>, mut patch: Node<'a>, depth: usize) -> Option<Node<'a>> {
    if !patch.is_object() {
        return Some(patch);
    }
    let depth = depth.checked_sub(1)?;
    patch.open()?;
    let mut target = target.filter(Node::is_object).unwrap_or(Node::Text("{}"));
    let (Some(members), Node::Object(changes)) = (target.open(), patch) else { return None };
    let (mut removes, mut fits) = (false, true);
    for mut change in changes {
        if members.find(change.name()).is_none() {
            if change.node.is_null() {
                continue;
            }
            change.node = patched(None, change.node, depth)?;
        }
        removes |= change.node.is_null();
        members.put(change, |node, change| fits &= change_member(node, change, depth));
    }
    if removes {
        members.retain(|node| !node.is_empty());
    }
    fits.then_some(target)
}

/// Changes a member as a patch says, or leaves nothing of it. Returns whether it could be done.
fn change_member<'a>(node: &mut Node<'a>, change: Node<'a>, depth: usize) -> bool {
    let known = std::mem::take(node);
    if change.is_null() {
        return true;
    }
    let changed = patched(Some(known), change, depth);
    let fits = changed.is_some();
    *node = changed.unwrap_or_default();
    fits
}
