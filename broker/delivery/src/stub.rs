#![allow(missing_docs, clippy::semicolon_if_nothing_returned)]
#[derive(Debug, Clone)]
pub struct Matcher<V> {
    v: Vec<(String, V)>,
    g: u64,
}
impl<V> Default for Matcher<V> {
    fn default() -> Self {
        Self { v: Vec::new(), g: 0 }
    }
}
impl<V: PartialEq> Matcher<V> {
    pub fn insert(&mut self, f: &str, v: V) {
        self.v.push((f.into(), v));
        self.g += 1;
    }
    pub fn remove(&mut self, f: &str, v: &V) -> bool {
        let n = self.v.len();
        self.v.retain(|(a, b)| !(a == f && b == v));
        self.g += 1;
        n != self.v.len()
    }
    pub fn for_each_match(&self, t: &str, mut f: impl FnMut(&V)) {
        for (a, b) in &self.v {
            if m(a, t) {
                f(b)
            }
        }
    }
    pub fn generation(&self) -> u64 {
        self.g
    }
}
fn m(f: &str, t: &str) -> bool {
    let mut a = f.split('.');
    let mut b = t.split('.');
    loop {
        match (a.next(), b.next()) {
            (Some(">"), Some(_)) => return true,
            (Some("*"), Some(_)) => {}
            (Some(x), Some(y)) if x == y => {}
            (None, None) => return true,
            _ => return false,
        }
    }
}
pub fn check_topic(t: &str) -> Result<(), String> {
    if t.is_empty() || t.len() > 255 || t.contains(['*', '>', ' ']) {
        Err("bad topic".into())
    } else {
        Ok(())
    }
}
pub fn check_filter(t: &str) -> Result<(), String> {
    if t.is_empty() || t.len() > 255 { Err("bad filter".into()) } else { Ok(()) }
}
pub fn is_reserved(t: &str) -> bool {
    t.starts_with('$')
}
