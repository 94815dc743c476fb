//! The file by which a socket is found.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

/// The file by which a socket is found; removed when it is dropped, if it is still the same one.
#[derive(Debug)]
pub(crate) struct SocketFile {
    path: PathBuf,
    inode: Inode,
}

type Inode = (u64, u64);

/// Binds a socket at `path`, in the place of one that a program has left behind.
///
/// From binding until the mode is set the file has the mode of the process's umask: where that is
/// lax, the directory should be private.
///
/// # Errors
/// [`io::ErrorKind::AddrInUse`] if somebody answers there; [`io::ErrorKind::AlreadyExists`] if the
/// file isn't a socket; whatever the system says otherwise.
pub(crate) fn bind(path: &Path, mode: u32) -> io::Result<(UnixListener, SocketFile)> {
    remove_stale(path)?;
    let socket = UnixListener::bind(path)?;
    let file = SocketFile { path: path.to_owned(), inode: inode_of(path)? };
    fs::set_permissions(path, Permissions::from_mode(mode))?;
    socket.set_nonblocking(true)?;
    Ok((socket, file))
}

/// Removes a socket on which nobody listens any more, and nothing else.
fn remove_stale(path: &Path) -> io::Result<()> {
    let found = match fs::symlink_metadata(path) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    if !found.file_type().is_socket() {
        let sentence = format!("{} exists and is no socket", path.display());
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, sentence));
    }
    match UnixStream::connect(path) {
        Ok(_) => {
            let sentence = format!("somebody listens at {} already", path.display());
            Err(io::Error::new(io::ErrorKind::AddrInUse, sentence))
        }
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            remove_if_same(path, (found.dev(), found.ino()))
        }
        // Not allowed to ask, or its queue is full: then it may well be in use.
        Err(error) => Err(error),
    }
}

fn inode_of(path: &Path) -> io::Result<Inode> {
    fs::symlink_metadata(path).map(|found| (found.dev(), found.ino()))
}

fn remove_if_same(path: &Path, inode: Inode) -> io::Result<()> {
    match inode_of(path) {
        Ok(found) if found == inode => fs::remove_file(path),
        _ => Ok(()),
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        // A file that stays is found to be stale by the next one who listens here.
        let _ = remove_if_same(&self.path, self.inode);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode_of(path: &Path) -> u32 {
        fs::metadata(path).expect("it exists").permissions().mode() & 0o777
    }

    #[test]
    fn a_socket_is_its_owners_and_its_file_goes_with_it() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("s");
        let (_socket, file) = bind(&path, 0o600).expect("the path is free");
        assert_eq!(mode_of(&path), 0o600);
        drop(file);
        assert!(!path.exists());
    }

    #[test]
    fn a_socket_left_behind_is_replaced_and_one_in_use_is_not() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("s");
        drop(UnixListener::bind(&path).expect("the path is free"));
        let (_socket, _file) = bind(&path, 0o600).expect("nobody answers there");
        let second = bind(&path, 0o600).expect_err("somebody answers there");
        assert_eq!(second.kind(), io::ErrorKind::AddrInUse);
    }

    #[test]
    fn a_file_that_is_no_socket_is_left_alone() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("s");
        fs::write(&path, "precious").expect("a file");
        let refused = bind(&path, 0o600).expect_err("it is no socket");
        assert_eq!(refused.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&path).expect("it is there"), b"precious");
    }

    #[test]
    fn a_successors_file_is_not_removed() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("s");
        let (_socket, file) = bind(&path, 0o600).expect("the path is free");
        fs::rename(&path, directory.path().join("old")).expect("renamed");
        let (_other, _its_file) = bind(&path, 0o600).expect("the path is free");
        drop(file);
        assert!(path.exists());
    }
}
