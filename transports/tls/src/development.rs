//! The certificate for whoever just wants to start: made once, kept, renewed before it expires.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair, PKCS_ECDSA_P256_SHA256};
use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::pki_types::{ServerName, UnixTime};

use crate::provider::provider;
use crate::{IdentityError, ServerIdentity};

/// The names that the certificate is for.
const NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];
/// How long the certificate is valid. Browsers accept a certificate by its hash only if that is
/// at most 14 days.
const VALIDITY: Duration = Duration::from_secs(13 * 24 * 60 * 60);
/// How far its beginning lies in the past, for clocks that are behind.
const BACKDATING: Duration = Duration::from_secs(60 * 60);
/// A certificate that has less than this left at the start is replaced.
const REMAINING_MIN: Duration = Duration::from_secs(24 * 60 * 60);

const CERTIFICATE_FILE: &str = "development-certificate.pem";
const KEY_FILE: &str = "development-key.pem";

/// Loads the certificate that is kept in `directory`, or makes another one.
pub(crate) fn load_or_make(
    directory: &Path,
    now: SystemTime,
) -> Result<ServerIdentity, IdentityError> {
    let (certificate, key) = (directory.join(CERTIFICATE_FILE), directory.join(KEY_FILE));
    match ServerIdentity::load(&certificate, &key) {
        Ok(identity) if is_valid(&identity, now) => Ok(identity),
        _ => {
            make(directory, now)?;
            ServerIdentity::load(&certificate, &key)
        }
    }
}

/// Whether a client that trusts the certificate would accept it now and for some time.
fn is_valid(identity: &ServerIdentity, now: SystemTime) -> bool {
    [now, now + REMAINING_MIN].into_iter().all(|time| accepted_at(identity, time).is_some())
}

fn accepted_at(identity: &ServerIdentity, time: SystemTime) -> Option<()> {
    let mut roots = RootCertStore::empty();
    roots.add(identity.leaf().clone()).ok()?;
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider());
    let time = UnixTime::since_unix_epoch(time.duration_since(UNIX_EPOCH).ok()?);
    let name = ServerName::try_from(NAMES[0]).ok()?;
    verifier.build().ok()?.verify_server_cert(identity.leaf(), &[], &name, &[], time).ok()?;
    Some(())
}

fn make(directory: &Path, now: SystemTime) -> Result<(), IdentityError> {
    let generate = |source| IdentityError::Generate { source };
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(generate)?;
    let certificate = parameters(now).and_then(|it| it.self_signed(&key)).map_err(generate)?;
    let keep = || {
        fs::create_dir_all(directory)?;
        // The key first: a certificate without its key would be worth nothing.
        write_atomically(directory, KEY_FILE, &key.serialize_pem())?;
        write_atomically(directory, CERTIFICATE_FILE, &certificate.pem())
    };
    keep().map_err(|source| IdentityError::Directory { directory: directory.to_owned(), source })
}

fn parameters(now: SystemTime) -> Result<CertificateParams, rcgen::Error> {
    let since_epoch = now.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    let mut parameters = CertificateParams::new(NAMES.map(str::to_owned))?;
    parameters.not_before = epoch + since_epoch.saturating_sub(BACKDATING);
    parameters.not_after = epoch + since_epoch + VALIDITY;
    parameters.distinguished_name.push(DnType::CommonName, "broker development certificate");
    parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    Ok(parameters)
}

/// Writes a file that is either the old or the new one, whole, at every moment.
fn write_atomically(directory: &Path, name: &str, content: &str) -> io::Result<()> {
    let temporary = directory.join(format!("{name}.{}.new", std::process::id()));
    let written = create_private(&temporary, content)
        .and_then(|()| fs::rename(&temporary, directory.join(name)));
    if written.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    written
}

fn create_private(path: &Path, content: &str) -> io::Result<()> {
    let _ = fs::remove_file(path);
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(content.as_bytes())?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_secs(24 * 60 * 60);

    #[test]
    fn a_kept_certificate_is_used_again_while_it_has_a_day_left() {
        let directory = tempfile::tempdir().unwrap();
        let now = SystemTime::now();
        let first = load_or_make(directory.path(), now).unwrap().fingerprint();
        let moment = Duration::from_secs(2);
        let later = load_or_make(directory.path(), now + 12 * DAY - moment).unwrap();
        assert_eq!(later.fingerprint(), first);
        let renewed = load_or_make(directory.path(), now + 12 * DAY + moment).unwrap();
        assert_ne!(renewed.fingerprint(), first);
    }

    #[test]
    fn an_expired_certificate_is_renewed() {
        let directory = tempfile::tempdir().unwrap();
        let past = SystemTime::now() - 14 * DAY;
        let expired = load_or_make(directory.path(), past).unwrap().fingerprint();
        let renewed = ServerIdentity::development(directory.path()).unwrap();
        assert_ne!(renewed.fingerprint(), expired);
        assert!(is_valid(&renewed, SystemTime::now()));
    }

    #[test]
    fn a_certificate_from_the_future_is_renewed() {
        let directory = tempfile::tempdir().unwrap();
        let now = SystemTime::now();
        let future = load_or_make(directory.path(), now + 2 * BACKDATING).unwrap().fingerprint();
        assert_ne!(load_or_make(directory.path(), now).unwrap().fingerprint(), future);
    }

    #[test]
    fn an_unreadable_or_half_missing_certificate_is_made_again() {
        let directory = tempfile::tempdir().unwrap();
        ServerIdentity::development(directory.path()).unwrap();
        fs::write(directory.path().join(CERTIFICATE_FILE), "rubbish").unwrap();
        ServerIdentity::development(directory.path()).unwrap();
        fs::remove_file(directory.path().join(KEY_FILE)).unwrap();
        ServerIdentity::development(directory.path()).unwrap();
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 2);
    }

    #[cfg(unix)]
    #[test]
    fn the_key_is_for_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::tempdir().unwrap();
        let nested = directory.path().join("data/broker");
        ServerIdentity::development(&nested).unwrap();
        let mode = fs::metadata(nested.join(KEY_FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_directory_that_cannot_be_made_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("file");
        fs::write(&file, "").unwrap();
        let error = ServerIdentity::development(&file.join("data")).unwrap_err().to_string();
        assert!(error.contains("file/data") && error.contains("choose a data directory"));
    }
}
