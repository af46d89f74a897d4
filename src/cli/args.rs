//! What can be typed. Secrets are never taken from an argument.
// Long because: every command's options, as `--help` prints them, stand in one place.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

const AFTER: &str = "Exit codes: 0 done, or verified; 1 done in part, stopped with nothing lost, or verified with something to say; \
2 could not run, nothing entered; 3 this ledger was altered or is damaged.\n\n\
Names on a command line reach the shell's history and the list of processes: leave them out to be asked, or use tags.";

/// An append-only audit ledger for information-sharing decisions about children.
#[derive(Debug, Parser)]
#[command(name = "indelible", version, about, after_help = AFTER, max_term_width = 100)]
pub struct Args {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

/// Options of every command.
#[derive(Debug, Clone, clap::Args)]
pub struct Global {
    /// The ledger's folder
    #[arg(long, global = true, value_name = "DIR", env = "INDELIBLE_LEDGER")]
    pub ledger: Option<PathBuf>,
    /// Your identity file
    #[arg(long, global = true, value_name = "FILE", env = "INDELIBLE_IDENTITY")]
    pub identity: Option<PathBuf>,
    /// Print JSON
    #[arg(long, global = true)]
    pub json: bool,
    /// A file whose first line is the identity's passphrase
    #[arg(long, global = true, hide = true, value_name = "FILE", env = "INDELIBLE_PASSPHRASE_FILE")]
    pub passphrase_file: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Begin a ledger
    Init(InitArgs),
    /// People and their keys
    #[command(subcommand)]
    Person(PersonCommand),
    /// Roles: give one, end one
    #[command(subcommand)]
    Role(RoleCommand),
    /// Say the second person's word on an entry that waits for it
    Confirm(ConfirmArgs),
    /// The recovery sheet: bring reading back on a new machine, with the sheet and a copy of the folder
    Recover(RecoverArgs),
    /// The log's own key, which signs what is entered
    #[command(subcommand)]
    LogKey(LogKeyCommand),
    /// Children's cases
    #[command(subcommand)]
    Case(CaseCommand),
    /// Who may read a folder beside those whose role lets them
    Grant(GrantArgs),
    /// Say that an entry was filed in the wrong place: what it says goes to the right case, two people see to it
    Misfiled(MisfiledArgs),
    /// Make words and structure unreadable for good, by two people
    #[command(subcommand)]
    Retire(RetireCommand),
    /// What can be recorded: kinds, their questions and codes
    Kinds(KindsArgs),
    /// The setting's own numbers and procedures: where they depart from law, and their adoption
    #[command(subcommand)]
    Policy(PolicyCommand),
    /// The rule pack: kinds, rules, clocks, and the switches for law that waits
    #[command(subcommand)]
    Pack(PackCommand),
    /// Enter a sharing agreement that the setting has joined
    Agreement(AgreementArgs),
    /// When the setting opens, and its holidays
    #[command(subcommand)]
    Calendar(CalendarCommand),
    /// Record something: enter it in the ledger
    Record(RecordArgs),
    /// Your drafts: kept, sealed to you, until they are entered or discarded
    Drafts(DraftsArgs),
    /// What you signed and the ledger has not taken yet
    Outbox(OutboxArgs),
    /// Enter somebody's statement that the ledger cannot take any more, as evidence
    Late {
        /// The file that `outbox export` wrote on the author's device; - reads standard input
        file: PathBuf,
        /// Why: key_revoked or out_of_sequence
        #[arg(long, default_value = "key_revoked")]
        cause: String,
    },
    /// The entries in order; without an identity their skeleton
    Log(LogArgs),
    /// Show one entry
    Show(ShowArgs),
    /// What needs somebody now: overdue, broken, waiting, each with its next step
    Review(ReviewArgs),
    /// What is due, by date
    Due(DueArgs),
    /// Agree to a decision as its second person, or say that you do not
    Back(BackArgs),
    /// Sign off the day, or the week: what was entered, what is open, or that there was nothing
    CloseDay(CloseDayArgs),
    /// Figures for a committee or governors: no person, no child, no number below 5
    Report(ReportArgs),
    /// Verify a ledger, a log file or a receipt
    Verify(VerifyArgs),
    /// Print the newest checkpoint, or a request for a witness
    Checkpoint(CheckpointArgs),
    /// Print the receipt of an entry
    Receipt(ReceiptArgs),
    /// List the receipts beside your identity
    Receipts,
    /// What a parent said yes to: on paper, for the parent
    #[command(subcommand)]
    Consent(ConsentCommand),
    /// Cosign other settings' ledgers, and bring cosignatures home
    #[command(subcommand)]
    Witness(WitnessCommand),
    /// Play a whole story on a temporary ledger, and catch whoever tampers with it
    Demo(DemoArgs),
    /// Print a completion script for your shell
    Completions(CompletionsArgs),
    /// Print the manual page
    Man(ManArgs),
}

#[derive(Debug, clap::Args)]
pub struct InitArgs {
    /// The folder to begin it in; --ledger does as well
    pub dir: Option<PathBuf>,
    /// The setting's name
    #[arg(long)]
    pub setting: String,
    /// A name for the ledger in the form of an address of your own, without https:// (willowbrook.example/decisions)
    #[arg(long)]
    pub origin: String,
    /// The founder's name; asked for if left out
    #[arg(long)]
    pub founder: Option<String>,
    /// The founder's role: dsl, deputy_dsl or leader
    #[arg(long, default_value = "dsl")]
    pub role: String,
    /// The type of setting: committee, company, group, childminder or maintained_nursery
    #[arg(long = "type", default_value = "committee")]
    pub setting_type: String,
    /// The setting's registration number (URN)
    #[arg(long, default_value = "")]
    pub urn: String,
    /// Go on from another ledger whose log key is lost: its last checkpoint, in its folder or with the `origin` file beside it
    #[arg(long, value_name = "CHECKPOINT")]
    pub continues: Option<PathBuf>,
    /// Why it goes on from there: lost, machine_lost, stolen, other
    #[arg(long, value_name = "CODE", default_value = "lost", requires = "continues")]
    pub cause: String,
    /// Keep the founder's new identity file without a passphrase
    #[arg(long)]
    pub no_passphrase: bool,
}

#[derive(Debug, Subcommand)]
pub enum PersonCommand {
    /// Make an identity for one person on this device, and print the card to enrol it by
    New {
        /// The person's name; asked for if left out
        name: Option<String>,
        /// The handle that colleagues will type; the first name if left out
        #[arg(long)]
        handle: Option<String>,
        /// Another device of the same person: the identity file of the first one; it is only read
        #[arg(long, value_name = "FILE", conflicts_with_all = ["name", "handle"])]
        same_as: Option<PathBuf>,
        /// Another device of a person whose first one is gone: the person's id, as `person list` shows it
        #[arg(long, value_name = "ID", conflicts_with = "same_as")]
        person: Option<String>,
        /// Keep the identity file without a passphrase
        #[arg(long)]
        no_passphrase: bool,
    },
    /// Enrol a person by the card
    Enrol {
        /// The card, as `person new` printed it; - reads it from standard input
        card: String,
        /// The role: practitioner, dsl, deputy_dsl, leader, chair, owner and others
        #[arg(long)]
        role: String,
        /// Another handle than the card's
        #[arg(long)]
        handle: Option<String>,
        /// The entry that enrolled the person's older key, which this one replaces
        #[arg(long, value_name = "N")]
        replaces: Option<u64>,
    },
    /// Put somebody on the roll who does not write here: a parent, a relative, somebody of an agency
    Add {
        /// The name, which goes to the sealed roll only; asked for if left out
        name: Option<String>,
        /// The handle that staff will type; the first name if left out
        #[arg(long)]
        handle: Option<String>,
        /// What sort of person: parent, relative, child, professional, staff or other
        #[arg(long = "type", value_name = "CODE", default_value = "parent")]
        person_type: String,
    },
    /// Print your card again
    Card {
        /// With a QR code above it, to print or to photograph
        #[arg(long)]
        qr: bool,
    },
    /// List the people, their keys and roles, and what waits for a second person
    List {
        /// As a sheet to print and sign: who is enrolled with which key
        #[arg(long)]
        sheet: bool,
    },
    /// Somebody leaves: end every role and key
    End {
        /// Handle or id
        person: String,
        /// Why: left, role_ended, lost, stolen, mistake
        #[arg(long, default_value = "left")]
        cause: String,
    },
    /// Revoke a key: what it signs from now on is not valid, what it signed before stays so
    Revoke {
        /// Handle or id, if the person has one key; else the number of the entry that enrolled the key
        key: String,
        /// Why: lost, stolen, replaced, left, mistake
        #[arg(long, default_value = "lost")]
        cause: String,
        /// Since when somebody else may have had it; now if left out
        #[arg(long, value_name = "TIME")]
        since: Option<String>,
    },
}

#[derive(Debug, Subcommand)]
pub enum RoleCommand {
    /// Give a person a role
    Assign {
        /// Handle or id
        person: String,
        /// The role: key_person, dsl, deputy_dsl, leader, chair, owner and others
        role: String,
        /// Only for this case (key_person): handle or tag
        #[arg(long)]
        case: Option<String>,
        /// From when on; now if left out
        #[arg(long, value_name = "TIME")]
        from: Option<String>,
        /// Until when
        #[arg(long, value_name = "TIME")]
        until: Option<String>,
    },
    /// End a person's role
    End {
        /// Handle or id
        person: String,
        /// The role
        role: String,
        /// Only for this case: handle or tag
        #[arg(long)]
        case: Option<String>,
    },
}

#[derive(Debug, clap::Args)]
pub struct ReviewArgs {
    /// Only this case: handle or tag
    #[arg(long)]
    pub case: Option<String>,
    /// Closed items and what is only shown, too
    #[arg(long)]
    pub all: bool,
    /// What is only shown, too, from this entry on: the size that the last review gave
    #[arg(long, value_name = "N")]
    pub since: Option<u64>,
}

#[derive(Debug, clap::Args)]
pub struct DueArgs {
    /// Only this case: handle or tag
    #[arg(long)]
    pub case: Option<String>,
    /// Only what is due until then
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,
    /// Write a calendar file (.ics) instead; no name stands in it; - is standard output
    #[arg(long, value_name = "FILE")]
    pub ics: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub struct ReportArgs {
    /// From which day on; the beginning of the term, or of the school year, if left out
    #[arg(long, value_name = "TIME")]
    pub from: Option<String>,
    /// To which day; today if left out
    #[arg(long, value_name = "TIME")]
    pub to: Option<String>,
    /// As CSV
    #[arg(long)]
    pub csv: bool,
}

#[derive(Debug, clap::Args)]
pub struct BackArgs {
    /// The decision
    pub entry: u64,
    /// Say that you do not agree
    #[arg(long)]
    pub decline: bool,
    /// Agree on a condition, which you name in the reasons; it does not count as backing yet
    #[arg(long = "if", conflicts_with = "decline")]
    pub if_only: bool,
    /// When you agreed, if that was before now
    #[arg(long, value_name = "TIME")]
    pub agreed: Option<String>,
    /// A file that says why; - reads standard input; asked for if left out
    #[arg(long, value_name = "FILE")]
    pub reasons_from: Option<PathBuf>,
    /// What the decision leaves open: its ground (basis=LB-EA) or a test (seven_tests.necessary=TEXT); entered beside it
    #[arg(long = "field", value_name = "NAME=VALUE", conflicts_with = "decline")]
    pub fields: Vec<String>,
}

#[derive(Debug, clap::Args)]
pub struct CloseDayArgs {
    /// The first day; the last one, or the Monday of its week where the policy closes by the week, if left out
    #[arg(long, value_name = "DATE")]
    pub from: Option<String>,
    /// The last day; today if left out
    #[arg(long, value_name = "DATE")]
    pub to: Option<String>,
    /// Say that nothing was entered; a warning if something was
    #[arg(long)]
    pub nil: bool,
}

#[derive(Debug, clap::Args)]
pub struct ConfirmArgs {
    /// The number of the entry that waits; 0 confirms the ledger's founding
    pub entry: u64,
    /// What you say: agrees, agrees_if or does_not
    #[arg(long, default_value = "agrees")]
    pub view: String,
}

#[derive(Debug, Subcommand)]
pub enum LogKeyCommand {
    /// Make a new key for the log; it counts once a second person confirms it on this computer
    Rotate {
        /// Why: renewal, replaced, stolen, machine_lost
        #[arg(long, default_value = "renewal")]
        cause: String,
    },
}

#[derive(Debug, Subcommand)]
pub enum RecoverCommand {
    /// Make a new recovery sheet and a new key for the log; they count once a second person confirms them on this computer
    Renew,
}

#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct RecoverArgs {
    #[command(subcommand)]
    pub command: Option<RecoverCommand>,
    /// Only say what the sheet opens, and change nothing
    #[arg(long)]
    pub show: bool,
    /// Read the 24 words from a file instead of asking; - reads standard input
    #[arg(long, value_name = "FILE")]
    pub words_from: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct GrantArgs {
    #[command(subcommand)]
    pub command: Option<GrantCommand>,
    /// Who shall read: handle or id
    pub person: Option<String>,
    /// The case: handle or tag; left out for staff, intake and access
    pub case: Option<String>,
    /// The folder: general, protection, legal, staff, intake or access; may be given twice; general if left out
    #[arg(long = "folder", value_name = "FOLDER")]
    pub folders: Vec<String>,
    /// Until when
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,
    /// Why: key_person, dsl, health_need, inspector or cover
    #[arg(long, value_name = "CODE")]
    pub why: Option<String>,
}

#[derive(Debug, Subcommand)]
pub enum GrantCommand {
    /// End a grant: the folder gets a new key
    End {
        /// The number of the entry that made it
        grant: u64,
        /// Why: grant_ended, role_ended, left, mistake
        #[arg(long, default_value = "grant_ended")]
        cause: String,
    },
    /// List who may read what
    List {
        /// Only this case: handle or tag
        case: Option<String>,
    },
}

#[derive(Debug, clap::Args)]
pub struct MisfiledArgs {
    /// The entry in the wrong place
    pub entry: u64,
    /// The case in which it belongs: handle or tag; left out if it belongs in none
    #[arg(long, value_name = "CASE")]
    pub to: Option<String>,
    /// A file that says why it does not belong there; - reads standard input; asked for if left out
    #[arg(long, value_name = "FILE")]
    pub why_from: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub enum RetireCommand {
    /// Propose it
    Propose {
        /// One entry, that was misfiled
        #[arg(
            long,
            value_name = "N",
            required_unless_present = "case",
            conflicts_with = "case",
            requires = "misfiled"
        )]
        entry: Option<u64>,
        /// A case: handle or tag; all of it, if no folder is named
        #[arg(long)]
        case: Option<String>,
        /// Only this folder of the case: general, protection, legal, staff or access; may be given twice
        #[arg(long = "folder", value_name = "FOLDER", requires = "case")]
        folders: Vec<String>,
        /// Why: retention, misfiled or other
        #[arg(long, value_name = "CODE")]
        cause: Option<String>,
        /// The confirmed entry that says that it was misfiled
        #[arg(long, value_name = "M", requires = "entry")]
        misfiled: Option<u64>,
    },
    /// Approve it, as a second person: if nothing stands in the way, keys are destroyed
    Approve {
        /// The number of the proposal
        proposal: u64,
        /// You do not agree: it is dropped
        #[arg(long, conflicts_with = "view")]
        no: bool,
        /// What you say: agrees, agrees_if or does_not
        #[arg(long, default_value = "agrees")]
        view: String,
    },
}

#[derive(Debug, Subcommand)]
pub enum CaseCommand {
    /// Open a child's case
    Open {
        /// The handle that staff will type; asked for if left out
        handle: Option<String>,
        /// The child's name as it stands in the roll; asked for if left out
        #[arg(long)]
        label: Option<String>,
    },
    /// List the cases
    List,
    /// Show a case: its folders and its entries
    Show {
        /// Handle or tag
        case: String,
    },
}

#[derive(Debug, clap::Args)]
pub struct KindsArgs {
    /// One kind, such as decision.share
    pub kind: Option<String>,
    /// The routes: forms in plain words that become several entries
    #[arg(long, conflicts_with = "kind")]
    pub routes: bool,
}

#[derive(Debug, Subcommand)]
pub enum PolicyCommand {
    /// List the policies that ship, and the one in force
    List,
    /// Show a policy; the one in force, if none is named
    Show {
        /// A policy that ships, such as policy-000, or a file; - reads standard input
        policy: Option<String>,
    },
    /// Say where a policy gives more time than the law, and where its text departs from it; exit 1 if its numbers do
    Check {
        /// A policy that ships, such as policy-000, or a file; - reads standard input
        policy: String,
    },
    /// Enter a policy; it is in force once a second person confirms it
    Adopt {
        /// A policy that ships, such as policy-000, or a file; - reads standard input
        policy: String,
    },
}

#[derive(Debug, clap::Args)]
pub struct AgreementArgs {
    /// What it is called
    pub title: String,
    /// Its text, which everybody may read: no person is named in it; - reads standard input
    pub document: String,
    /// An agency that is party to it, such as AG-CSC; may be given several times
    #[arg(long = "agency", value_name = "CODE", required = true)]
    pub agencies: Vec<String>,
    /// From when on it holds; now if left out
    #[arg(long, value_name = "TIME")]
    pub from: Option<String>,
    /// Until when it holds
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,
    /// The entry of the agreement whose place it takes
    #[arg(long, value_name = "ENTRY")]
    pub renews: Option<u64>,
}

#[derive(Debug, Subcommand)]
pub enum PackCommand {
    /// Print the text of the pack in force; without a ledger, of the one that ships
    Show,
    /// Say what a later pack changes
    Check {
        /// A file; - reads standard input; built-in names the pack that ships with this program
        pack: String,
    },
    /// Enter a later pack: what is entered from then on is judged by it
    Adopt {
        /// A file; - reads standard input; built-in names the pack that ships with this program
        pack: String,
    },
}

#[derive(Debug, Subcommand)]
pub enum CalendarCommand {
    /// Say what a calendar means: opening days, and holidays that differ from the rule pack's
    Check {
        /// The calendar; - reads standard input
        file: String,
    },
    /// Enter a calendar; it counts from then on
    Adopt {
        /// The calendar; - reads standard input
        file: String,
    },
}

#[derive(Debug, clap::Args)]
pub struct RecordArgs {
    /// The kind, such as decision.share
    #[arg(conflicts_with = "from")]
    pub kind: Option<String>,
    /// One form in plain words that becomes several linked entries: 999, social_care, health_visitor, next_setting, parent
    #[arg(long, value_name = "ROUTE", conflicts_with_all = ["kind", "refs", "happened", "batch"])]
    pub route: Option<String>,
    /// List the routes
    #[arg(long, exclusive = true)]
    pub routes: bool,
    /// The case: handle or tag
    #[arg(long, conflicts_with = "from")]
    pub case: Option<String>,
    /// A reference to an earlier entry, as relation=number (decides=212)
    #[arg(long = "ref", value_name = "RELATION=N", conflicts_with = "from")]
    pub refs: Vec<String>,
    /// A field, as name=value; dots reach inside (recipient.agency=AG-CSC, items.0.what=name); given twice it is a list;
    /// none is an answer where the form says so
    #[arg(long = "field", value_name = "NAME=VALUE", conflicts_with = "from")]
    pub fields: Vec<String>,
    /// Drafts from a file (JSON, JSON lines or TOML); - reads standard input
    #[arg(long, value_name = "FILE")]
    pub from: Option<PathBuf>,
    /// It has happened already
    #[arg(long, conflicts_with = "from")]
    pub happened: bool,
    /// Sync once for many entries; receipts come after
    #[arg(long)]
    pub batch: bool,
    /// Enter a kept draft again; it is discarded once it is entered
    #[arg(long, value_name = "ID", conflicts_with = "from")]
    pub draft: Option<String>,
}

#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct DraftsArgs {
    /// Show one draft
    #[arg(conflicts_with = "all")]
    pub id: Option<String>,
    /// Number and age of everybody's drafts, for the overseers; what they say stays sealed to whoever typed them
    #[arg(long)]
    pub all: bool,
    #[command(subcommand)]
    pub command: Option<DraftsCommand>,
}

#[derive(Debug, clap::Subcommand)]
pub enum DraftsCommand {
    /// Discard one of your drafts; an entry without its words says that there was one
    Discard {
        /// Its id
        id: String,
    },
}

#[derive(Debug, clap::Args)]
pub struct OutboxArgs {
    #[command(subcommand)]
    pub command: Option<OutboxCommand>,
}

#[derive(Debug, Subcommand)]
pub enum OutboxCommand {
    /// Write a waiting statement to a file that only the overseers open, for one of them to enter with `late`
    Export {
        /// Its number in your own count, as `outbox` lists it
        number: u64,
        /// The new file
        file: PathBuf,
    },
}

#[derive(Debug, clap::Args)]
pub struct LogArgs {
    /// Only entries of this case (handle or tag)
    #[arg(long)]
    pub case: Option<String>,
    /// Only entries of this kind
    #[arg(long)]
    pub kind: Option<String>,
    /// Only entries by this person (handle or id)
    #[arg(long)]
    pub person: Option<String>,
    /// Only entries with this flag, such as UNBACKED, that is not closed
    #[arg(long)]
    pub flag: Option<String>,
    /// Only entries recorded from then on
    #[arg(long, value_name = "TIME")]
    pub from: Option<String>,
    /// Only entries recorded until then
    #[arg(long, value_name = "TIME")]
    pub to: Option<String>,
    /// Only the last N entries
    #[arg(long, value_name = "N")]
    pub last: Option<u64>,
}

#[derive(Debug, clap::Args)]
pub struct ShowArgs {
    /// The entry's number
    pub entry: u64,
    /// Do not open the words (opening them is entered in the ledger)
    #[arg(long)]
    pub structure: bool,
    /// Why you open the words: own_work, review, decision, request, handover, inspection, other
    #[arg(long, default_value = "own_work")]
    pub cause: String,
}

#[derive(Debug, clap::Args)]
pub struct VerifyArgs {
    /// A ledger's folder, a ledger.log, or a receipt (.tlog-proof); --ledger does as well
    pub what: Option<PathBuf>,
    /// Your own trust file: the log's key, witnesses, quorum
    #[arg(long, value_name = "FILE")]
    pub trust: Option<PathBuf>,
    /// A checkpoint that you hold, which the ledger must extend
    #[arg(long, value_name = "FILE")]
    pub known: Vec<PathBuf>,
    /// A record saved by an earlier verify: signatures up to there are not checked again
    #[arg(long, value_name = "FILE")]
    pub since: Option<PathBuf>,
    /// Save a record for the next time
    #[arg(long, value_name = "FILE")]
    pub save: Option<PathBuf>,
    /// A folder of receipts that the ledger must honour
    #[arg(long, value_name = "DIR")]
    pub receipts: Option<PathBuf>,
    /// The entry that a receipt is for, as `receipt --entry-out` wrote it
    #[arg(long, value_name = "FILE")]
    pub entry: Option<PathBuf>,
    /// Look at the history alone, not at what is owed and what was broken by the rules
    #[arg(long)]
    pub without_rules: bool,
}

#[derive(Debug, clap::Args)]
pub struct CheckpointArgs {
    /// Write a request for a witness that has seen N entries (0 at the first time)
    #[arg(long, value_name = "N")]
    pub old: Option<u64>,
}

#[derive(Debug, clap::Args)]
pub struct ReceiptArgs {
    /// The entry's number
    pub entry: u64,
    /// Write the entry itself to a file, to go with the receipt
    #[arg(long, value_name = "FILE")]
    pub entry_out: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub enum ConsentCommand {
    /// Print the receipt of a consent, for the parent who gave it
    Receipt {
        /// The number of the entry consent.given
        entry: u64,
        /// Write it to a file that only you can read, instead of to the screen
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
        /// The setting's address and telephone number, to stand on it; without it there is a line to fill in
        #[arg(long, value_name = "TEXT")]
        contact: Option<String>,
    },
}

#[derive(Debug, Subcommand)]
pub enum WitnessCommand {
    /// Make a cosigner key; prints its vkey on the last line
    New {
        /// The cosigner's name in the form of an address of your own (chair.example/witness)
        name: String,
        /// Keep the key file without a passphrase
        #[arg(long)]
        no_passphrase: bool,
    },
    /// Cosign a request, if it extends what you cosigned before; prints the cosigned checkpoint
    Sign {
        /// The request, as `checkpoint --old` wrote it
        request: PathBuf,
        /// The ledger's `origin` file, needed at the first signature
        #[arg(long, value_name = "FILE")]
        log: Option<PathBuf>,
    },
    /// Bring a cosigned checkpoint into the ledger
    Add {
        /// The cosigned checkpoint, as `witness sign` printed it
        cosigned: PathBuf,
    },
}

#[derive(Debug, clap::Args)]
pub struct DemoArgs {
    /// Which story: sharing (decisions, witnesses, tampering) or people (who may speak, who may read)
    #[arg(long, value_name = "NAME", default_value = "sharing")]
    pub story: Story,
    /// Keep the demonstration's folder
    #[arg(long, value_name = "DIR")]
    pub keep: Option<PathBuf>,
}

/// A story of the demonstration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Story {
    Sharing,
    People,
}

#[derive(Debug, clap::Args)]
pub struct CompletionsArgs {
    /// bash, zsh, fish, elvish or powershell
    pub shell: clap_complete::Shell,
}

#[derive(Debug, clap::Args)]
pub struct ManArgs {
    /// Write one page a command into this folder instead
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}
