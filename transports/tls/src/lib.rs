//! Who to be and whom to trust: certificates for the transports that encrypt.
