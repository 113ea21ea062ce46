//! The kinds of storage a volume can be, as data: forms and checks are made from it.

use gantry_net::RemoteKind;

/// One kind of storage.
#[derive(Debug, Clone, Copy)]
pub struct Kind {
    /// Its name: `local`, `sftp`, `ftp`, `webdav` or `s3`.
    pub name: &'static str,
    /// Its name for people.
    pub title: &'static str,
    /// How its addresses begin.
    pub schemes: &'static [&'static str],
    /// What is asked for besides a name and a title.
    pub fields: &'static [Field],
    /// What speaks to it; none for a folder of this machine.
    pub(crate) remote: Option<RemoteKind>,
}

/// One thing a form asks for.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// Its name in requests.
    pub name: &'static str,
    /// Its name for people.
    pub title: &'static str,
    /// What to put there, one sentence.
    pub help: &'static str,
    /// Whether it must be there.
    pub required: bool,
    /// Whether it goes in and never comes out.
    pub secret: bool,
}

const fn field(name: &'static str, title: &'static str, help: &'static str) -> Field {
    Field {
        name,
        title,
        help,
        required: false,
        secret: false,
    }
}

const fn required(field: Field) -> Field {
    Field {
        required: true,
        ..field
    }
}

const fn secret(field: Field) -> Field {
    Field {
        secret: true,
        ..field
    }
}

const USER: Field = field("user", "User", "Who you are there; empty for anonymous.");
const PASSWORD: Field = secret(field(
    "password",
    "Password",
    "It is encrypted before it is kept, and never shown again.",
));

/// Every kind a volume can be.
pub const KINDS: &[Kind] = &[
    Kind {
        name: "local",
        title: "Folder of this service",
        schemes: &[],
        fields: &[field(
            "path",
            "Folder",
            "A folder below one that the operator allows; empty for a new one.",
        )],
        remote: None,
    },
    Kind {
        name: "sftp",
        title: "SFTP",
        schemes: &["sftp"],
        fields: &[
            required(field(
                "address",
                "Address",
                "Such as sftp://ada@data.example/home/ada/maps.",
            )),
            USER,
            PASSWORD,
            secret(field(
                "private_key",
                "Private key",
                "The text of an OpenSSH key without a passphrase, instead of a password.",
            )),
            field(
                "host_key",
                "Host key",
                "The fingerprint SHA256:… the host must show; empty to keep the first it shows.",
            ),
        ],
        remote: Some(RemoteKind::Sftp),
    },
    Kind {
        name: "ftp",
        title: "FTP and FTPS",
        schemes: &["ftp", "ftpes", "ftps"],
        fields: &[
            required(field(
                "address",
                "Address",
                "ftpes: is FTP that turns to TLS, ftps: TLS from the start, ftp: in the clear.",
            )),
            USER,
            PASSWORD,
        ],
        remote: Some(RemoteKind::Ftp),
    },
    Kind {
        name: "webdav",
        title: "WebDAV",
        schemes: &["https", "http", "davs", "dav"],
        fields: &[
            required(field(
                "address",
                "Address",
                "Such as https://cloud.example/remote.php/dav/files/ada/.",
            )),
            USER,
            PASSWORD,
        ],
        remote: Some(RemoteKind::Webdav),
    },
    Kind {
        name: "s3",
        title: "S3-compatible object store",
        schemes: &["https", "http", "s3"],
        fields: &[
            required(field(
                "address",
                "Endpoint",
                "Such as https://s3.example, or s3://bucket/prefix for the store of Amazon.",
            )),
            field("bucket", "Bucket", "Which bucket."),
            field("prefix", "Folder in the bucket", "Empty for all of it."),
            field("region", "Region", "Empty for us-east-1."),
            field("user", "Access key id", "Empty for anonymous."),
            secret(field(
                "password",
                "Secret access key",
                "It is encrypted before it is kept, and never shown again.",
            )),
        ],
        remote: Some(RemoteKind::S3),
    },
];

impl Kind {
    /// The kind of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        KINDS.iter().find(|kind| kind.name == name)
    }

    /// Whether some of its addresses send a password in the clear.
    #[must_use]
    pub fn sends_in_the_clear(&self) -> bool {
        let plain = |scheme: &&str| matches!(*scheme, "http" | "ftp");
        self.schemes.iter().any(plain)
    }

    /// The first kind whose addresses begin so.
    #[must_use]
    pub fn of_scheme(scheme: &str) -> Option<&'static Self> {
        KINDS.iter().find(|kind| kind.schemes.contains(&scheme))
    }
}
