//! Every string of the product in French and English: one row per string, sorted into groups. Add a row here, use it with [`key!`](crate::key):
//! a key that does not exist does not compile, and the tests find a row that is empty, unused, or whose languages disagree on placeholders.
//!
//! French is typed with plain spaces before `:`, `;`, `?`, `!`, `%` and inside « »; [`Language::fill`] makes them narrow no-break ones.

use crate::Language;

/// A string of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key(usize);

impl Key {
    /// The string of this name. In constants and through [`key!`](crate::key) a wrong name is a compile error.
    ///
    /// # Panics
    /// Where no string has this name: call it at compile time only.
    pub const fn named(name: &str) -> Self {
        let mut i = 0;
        while i < STRINGS.len() {
            if same(STRINGS[i].0.as_bytes(), name.as_bytes()) {
                return Self(i);
            }
            i += 1;
        }
        panic!("no string has this name")
    }

    /// The string of a name that is known only at run time.
    pub fn find(name: &str) -> Option<Self> {
        STRINGS.iter().position(|(known, ..)| *known == name).map(Self)
    }

    /// The name.
    pub fn name(self) -> &'static str {
        STRINGS[self.0].0
    }

    /// The text as it stands in the table, placeholders included.
    pub(crate) fn pattern(self, language: Language) -> &'static str {
        let (_, french, english) = STRINGS[self.0];
        match language {
            Language::French => french,
            Language::English => english,
        }
    }
}

/// The [`Key`] of a string, checked at compile time.
#[macro_export]
macro_rules! key {
    ($name:literal) => {
        const { $crate::Key::named($name) }
    };
}

const fn same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let mut i = 0;
    while i < a.len() {
        if a[i] != b[i] {
            return false;
        }
        i += 1;
    }
    true
}

/// (name, French, English).
pub const STRINGS: &[(&str, &str, &str)] = &[
    // General.
    ("yes", "oui", "yes"),
    ("no", "non", "no"),
    ("not_declared", "non déclaré", "not declared"),
    ("declared_empty", "aucun (déclaré)", "none (declared)"),
    ("list.and", "{first} et {last}", "{first} and {last}"),
    ("list.or", "{first}, ou {last}", "{first}, or {last}"),
    ("range", "{lower} à {upper}", "{lower} to {upper}"),
    ("points.one", "{n} point", "{n} points"),
    ("points.many", "{n} points", "{n} points"),
    ("date", "{day} {month} {year}", "{day} {month} {year}"),
    ("day.first", "1er", "1"),
    (
        "months",
        "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
        "January February March April May June July August September October November December",
    ),
    ("unit.record", "enregistrements", "records"),
    ("unit.person", "personnes", "persons"),
    ("unit.group", "groupes", "groups"),
    // Verdicts.
    ("verdict.leak_demonstrated", "Fuite démontrée", "Leak demonstrated"),
    ("verdict.inconclusive", "Non concluant", "Inconclusive"),
    ("verdict.no_leak_detected", "Aucune fuite détectée", "No leak detected"),
    ("verdict.not_tested", "Non testé", "Not tested"),
    ("verdict.not_applicable", "Sans objet", "Not applicable"),
    (
        "sentence.leak.only",
        "Une fuite est démontrée : le test mené distingue, mieux que le hasard, les données qui ont servi à entraîner le modèle de celles qui n’y ont pas servi.",
        "A leak is demonstrated: the test that was run tells the data that trained the model from data that did not, better than chance would.",
    ),
    (
        "sentence.leak.all",
        "Une fuite est démontrée : les {n} tests menés distinguent tous, mieux que le hasard, les données qui ont servi à entraîner le modèle de celles qui n’y ont pas servi.",
        "A leak is demonstrated: all {n} tests that were run tell the data that trained the model from data that did not, better than chance would.",
    ),
    (
        "sentence.leak.one",
        "Une fuite est démontrée : {n} des {total} tests menés distingue, mieux que le hasard, les données qui ont servi à entraîner le modèle de celles qui n’y ont pas servi.",
        "A leak is demonstrated: {n} of the {total} tests that were run tells the data that trained the model from data that did not, better than chance would.",
    ),
    (
        "sentence.leak.many",
        "Une fuite est démontrée : {n} des {total} tests menés distinguent, mieux que le hasard, les données qui ont servi à entraîner le modèle de celles qui n’y ont pas servi.",
        "A leak is demonstrated: {n} of the {total} tests that were run tell the data that trained the model from data that did not, better than chance would.",
    ),
    (
        "sentence.attribute.only",
        "Une fuite est démontrée : avec le modèle, le test mené devine un attribut des données qui l’ont entraîné mieux que celui d’autres données, au-delà de ce qui se devine sans lui.",
        "A leak is demonstrated: with the model, the test that was run guesses an attribute of the data that trained it better than that of other data, beyond what can be guessed without it.",
    ),
    (
        "sentence.attribute.all",
        "Une fuite est démontrée : avec le modèle, les {n} tests menés devinent tous un attribut des données qui l’ont entraîné mieux que celui d’autres données, au-delà de ce qui se devine sans lui.",
        "A leak is demonstrated: with the model, all {n} tests that were run guess an attribute of the data that trained it better than that of other data, beyond what can be guessed without it.",
    ),
    (
        "sentence.attribute.one",
        "Une fuite est démontrée : avec le modèle, {n} des {total} tests menés devine un attribut des données qui l’ont entraîné mieux que celui d’autres données, au-delà de ce qui se devine sans lui.",
        "A leak is demonstrated: with the model, {n} of the {total} tests that were run guesses an attribute of the data that trained it better than that of other data, beyond what can be guessed without it.",
    ),
    (
        "sentence.attribute.many",
        "Une fuite est démontrée : avec le modèle, {n} des {total} tests menés devinent un attribut des données qui l’ont entraîné mieux que celui d’autres données, au-delà de ce qui se devine sans lui.",
        "A leak is demonstrated: with the model, {n} of the {total} tests that were run guess an attribute of the data that trained it better than that of other data, beyond what can be guessed without it.",
    ),
    (
        "sentence.inversion.only",
        "Une fuite est démontrée : ce que le test mené a reconstitué à partir du modèle désigne des données ou des personnes qui l’ont entraîné, et non la seule moyenne d’une classe.",
        "A leak is demonstrated: what the test that was run rebuilt from the model points at data or persons that trained it, and not just at the average of a class.",
    ),
    (
        "sentence.inversion.all",
        "Une fuite est démontrée : ce que chacun des {n} tests menés a reconstitué à partir du modèle désigne des données ou des personnes qui l’ont entraîné, et non la seule moyenne d’une classe.",
        "A leak is demonstrated: what each of the {n} tests that were run rebuilt from the model points at data or persons that trained it, and not just at the average of a class.",
    ),
    (
        "sentence.inversion.one",
        "Une fuite est démontrée : ce que {n} des {total} tests menés a reconstitué à partir du modèle désigne des données ou des personnes qui l’ont entraîné, et non la seule moyenne d’une classe.",
        "A leak is demonstrated: what {n} of the {total} tests that were run rebuilt from the model points at data or persons that trained it, and not just at the average of a class.",
    ),
    (
        "sentence.inversion.many",
        "Une fuite est démontrée : ce que {n} des {total} tests menés ont reconstitué à partir du modèle désigne des données ou des personnes qui l’ont entraîné, et non la seule moyenne d’une classe.",
        "A leak is demonstrated: what {n} of the {total} tests that were run rebuilt from the model points at data or persons that trained it, and not just at the average of a class.",
    ),
    (
        "sentence.mixed.all",
        "Une fuite est démontrée par chacun des {n} tests menés : ils {what}.",
        "A leak is demonstrated by each of the {n} tests that were run: they {what}.",
    ),
    (
        "sentence.mixed",
        "Une fuite est démontrée par {n} des {total} tests menés : ils {what}.",
        "A leak is demonstrated by {n} of the {total} tests that were run: they {what}.",
    ),
    (
        "mixed.membership",
        "distinguent les données qui ont servi à entraîner le modèle de celles qui n’y ont pas servi",
        "tell the data that trained the model from data that did not",
    ),
    (
        "mixed.attribute",
        "devinent un attribut de celles qui l’ont entraîné mieux que celui des autres, au-delà de ce qui se devine sans le modèle",
        "guess an attribute of the data that trained it better than that of others, beyond what can be guessed without the model",
    ),
    (
        "mixed.inversion",
        "en reconstituent ce qui désigne des données ou des personnes qui l’ont entraîné",
        "rebuild from it what points at data or persons that trained it",
    ),
    (
        "sentence.inconclusive.one",
        "Le test ne permet pas de conclure : il ne démontre aucune fuite, mais rien n’établit qu’il n’y en a pas.",
        "The test is inconclusive: it demonstrates no leak, but nothing shows that there is none.",
    ),
    (
        "sentence.inconclusive.many",
        "Les tests ne permettent pas de conclure : ils ne démontrent aucune fuite, mais rien n’établit qu’il n’y en a pas.",
        "The tests are inconclusive: they demonstrate no leak, but nothing shows that there is none.",
    ),
    (
        "sentence.no_leak.one",
        "Aucune fuite détectée : le test mené aurait vu une fuite de la taille déclarée comme importante, et n’en a pas vu. Cela ne vaut que pour cette attaque, cet accès et ces données.",
        "No leak detected: the test that was run would have seen a leak of the size that was declared to matter, and saw none. This holds for this attack, this access and these data only.",
    ),
    (
        "sentence.no_leak.many",
        "Aucune fuite détectée : les {n} tests menés auraient vu une fuite de la taille déclarée comme importante, et n’en ont pas vu. Cela ne vaut que pour ces attaques, cet accès et ces données.",
        "No leak detected: the {n} tests that were run would have seen a leak of the size that was declared to matter, and saw none. This holds for these attacks, this access and these data only.",
    ),
    (
        "sentence.not_tested",
        "Aucun test n’a pu être mené : ce rapport ne dit rien de ce que le modèle laisse échapper.",
        "No test could be run: this report says nothing about what the model gives away.",
    ),
    (
        "sentence.not_applicable",
        "Aucun des tests demandés n’a de sens pour ce modèle ou ces données : ce rapport ne dit rien de ce que le modèle laisse échapper.",
        "None of the tests asked for makes sense for this model or these data: this report says nothing about what the model gives away.",
    ),
    // Families of attacks.
    ("family.membership_inference", "Inférence d’appartenance", "Membership inference"),
    ("family.attribute_inference", "Inférence d’attribut", "Attribute inference"),
    ("family.model_inversion", "Inversion de modèle", "Model inversion"),
    ("family.reconstruction", "Reconstruction de données d’entraînement", "Reconstruction of training data"),
    ("family.extraction", "Extraction de textes d’entraînement", "Extraction of training texts"),
    ("family.exfiltration", "Exfiltration", "Exfiltration"),
    ("family.regurgitation", "Régurgitation de données d’entraînement", "Regurgitation of training data"),
    // Page and navigation.
    ("title.report", "Audit de confidentialité d’un modèle d’IA", "Privacy audit of an AI model"),
    ("title.attribute", "{title} – {attribute}", "{title} – {attribute}"),
    ("title.scores", "Scores fournis sans modèle", "Scores given without a model"),
    ("title.unnamed", "Modèle sans nom déclaré", "Model without a declared name"),
    ("nav.label", "Parties du rapport", "Parts of the report"),
    ("nav.skip", "Aller à la synthèse", "Skip to the summary"),
    // First screen.
    ("asked.none", "Aucun test n’a été mené {model}, sur {people}.", "No test was run {model}, on {people}."),
    ("asked.one", "{n} test mené {model}, sur {people}.", "{n} test run {model}, on {people}."),
    ("asked.many", "{n} tests menés {model}, sur {people}.", "{n} tests run {model}, on {people}."),
    (
        "asked.stopped.one",
        "{n} autre test, demandé, n’a pas pu être mené.",
        "{n} more test was asked for and could not be run.",
    ),
    (
        "asked.stopped.many",
        "{n} autres tests, demandés, n’ont pas pu être menés.",
        "{n} more tests were asked for and could not be run.",
    ),
    ("asked.model", "contre le modèle « {name} »", "against the model “{name}”"),
    ("asked.model_unnamed", "contre le modèle audité", "against the audited model"),
    (
        "asked.scores",
        "à partir de scores calculés par un autre outil",
        "using scores that another tool computed",
    ),
    (
        "asked.record.in.one",
        "{n} enregistrement qui a servi à l’entraînement",
        "{n} record that was used in training",
    ),
    (
        "asked.record.in.many",
        "{n} enregistrements qui ont servi à l’entraînement",
        "{n} records that were used in training",
    ),
    ("asked.record.out.one", "{n} qui n’y a pas servi", "{n} that was not"),
    ("asked.record.out.many", "{n} qui n’y ont pas servi", "{n} that were not"),
    (
        "asked.person.in.one",
        "{n} personne dont des données ont servi à l’entraînement",
        "{n} person whose data were used in training",
    ),
    (
        "asked.person.in.many",
        "{n} personnes dont des données ont servi à l’entraînement",
        "{n} persons whose data were used in training",
    ),
    ("asked.person.out.one", "{n} dont aucune donnée n’y a servi", "{n} whose data were not"),
    ("asked.person.out.many", "{n} dont aucune donnée n’y a servi", "{n} whose data were not"),
    ("summary.asked", "Ce qui a été demandé", "What was asked"),
    (
        "summary.asked.one",
        "La question : en interrogeant le modèle, peut-on {what} ?",
        "The question: by asking the model, can one {what}?",
    ),
    (
        "summary.asked.many",
        "Les questions : en interrogeant le modèle, peut-on {what} ?",
        "The questions: by asking the model, can one {what}?",
    ),
    (
        "asks.membership",
        "savoir quelles données ont servi à l’entraîner",
        "find out which data it was trained on",
    ),
    (
        "asks.attribute",
        "deviner ce que l’on ignore des données qui l’ont entraîné, mieux que sans lui",
        "guess what one does not know about the data it was trained on, better than without it",
    ),
    (
        "asks.inversion",
        "reconstituer des données qui l’ont entraîné, et non la seule moyenne d’une classe",
        "rebuild data it was trained on, and not just the average of a class",
    ),
    (
        "summary.asked.scores",
        "La question : ces scores distinguent-ils les données d’entraînement des autres ?",
        "The question: do these scores tell training data from other data?",
    ),
    ("summary.not_said", "Ce que le résultat ne dit pas", "What the result does not say"),
    ("summary.left", "Ce qui a quitté la machine", "What left the machine"),
    (
        "summary.left.nothing",
        "Rien : l’audit n’a envoyé aucune donnée à l’extérieur.",
        "Nothing: the audit sent no data to the outside.",
    ),
    (
        "summary.left.plugins",
        "L’audit lui-même n’a rien envoyé à l’extérieur ; il ne sait pas ce que ses extensions ont pu envoyer : {plugins}.",
        "The audit itself sent nothing to the outside; it does not know what its plugins may have sent: {plugins}.",
    ),
    (
        "summary.left.remote",
        "Les questions posées au modèle « {model} », à l’adresse que le manifeste déclare. Rien d’autre.",
        "The questions put to the model “{model}”, sent to the address that the manifest declares. Nothing else.",
    ),
    ("summary.by", "Par qui", "By whom"),
    (
        "summary.by.value",
        "Organisme : {organisation}. Responsable du traitement : {controller}.",
        "Organisation: {organisation}. Controller: {controller}.",
    ),
    ("summary.when", "Quand, avec quel outil", "When, and with which tool"),
    ("summary.when.value", "Le {day}, avec {tool} {version}.", "On {day}, with {tool} {version}."),
    ("summary.review", "Prochain réexamen", "Next review"),
    ("summary.review.value", "Prévu le {day}.", "Planned on {day}."),
    (
        "summary.review.undeclared",
        "Non déclaré. Un résultat vieillit : il faut refaire le test à chaque nouvel entraînement, à chaque élargissement de l’accès au modèle, après un incident et à mesure que les attaques progressent.",
        "Not declared. A result ages: test again after every new training, whenever access to the model is widened, after an incident, and as attacks improve.",
    ),
    ("lead.only", "Le test", "The test"),
    ("lead.strongest", "Le test au résultat le plus fort", "The test with the strongest result"),
    ("lead.first", "Le premier test de la liste", "The first test of the list"),
    (
        "lead.leak",
        "Réglée d’avance pour {level} de fausses alarmes, cette attaque a reconnu {hits} des {members} membres et désigné à tort {alarms} des {others} non-membres qui n’avaient pas servi à la régler. Une attaque qui ne saurait rien désignerait autant, en proportion, les uns que les autres.",
        "Set in advance for {level} false alarms, this attack recognised {hits} of the {members} members and wrongly pointed at {alarms} of the {others} non-members that had not been used to set it. An attack that knew nothing would point at both in equal proportion.",
    ),
    (
        "lead.leak.no_alarm",
        "Réglée d’avance pour {level} de fausses alarmes, cette attaque a reconnu {hits} des {members} membres et n’a désigné à tort aucun des {others} non-membres qui n’avaient pas servi à la régler. Une attaque qui ne saurait rien désignerait autant, en proportion, les uns que les autres.",
        "Set in advance for {level} false alarms, this attack recognised {hits} of the {members} members and wrongly pointed at none of the {others} non-members that had not been used to set it. An attack that knew nothing would point at both in equal proportion.",
    ),
    (
        "lead.leak.average",
        "Devant un membre et un non-membre pris au hasard, cette attaque désigne le membre {times} fois sur 100 (marge d’incertitude : {lower} à {upper}) ; sans rien savoir, elle le ferait 50 fois.",
        "Given a member and a non-member picked at random, this attack points at the member {times} times in 100 (margin of uncertainty: {lower} to {upper}); knowing nothing, it would do so 50 times.",
    ),
    (
        "lead.leak.average.flat",
        "Réglée pour {level} de fausses alarmes, elle ne reconnaît pas nettement plus de membres que le hasard.",
        "Set for {level} false alarms, it does not recognise clearly more members than chance would.",
    ),
    (
        "lead.leak.average.unresolved",
        "L’échantillon est trop petit pour dire combien de membres elle reconnaît quand les fausses alarmes doivent rester rares.",
        "The sample is too small to say how many members it recognises when false alarms must stay rare.",
    ),
    (
        "lead.seen.rate",
        "Dans {power} des cas, un tel échantillon aurait révélé une attaque qui reconnaît {tpr} des membres pour {level} de fausses alarmes. Une fuite plus faible a pu passer inaperçue.",
        "In {power} of cases, such a sample would have revealed an attack that recognises {tpr} of members with {level} false alarms. A weaker leak may have gone unnoticed.",
    ),
    (
        "lead.seen.average",
        "Dans {power} des cas, un tel échantillon aurait révélé une attaque qui, devant un membre et un non-membre, désigne le membre {times} fois sur 100 (50 au hasard). Une fuite plus faible a pu passer inaperçue.",
        "In {power} of cases, such a sample would have revealed an attack that, given a member and a non-member, points at the member {times} times in 100 (50 by chance). A weaker leak may have gone unnoticed.",
    ),
    (
        "lead.seen.none",
        "L’échantillon est trop petit pour révéler quelque fuite que ce soit.",
        "The sample is too small to reveal any leak at all.",
    ),
    (
        "lead.attribute.numbers",
        "Chez les membres, cette attaque devine « {attribute} » dans {members} des cas, contre {members_without} sans le modèle ; chez les non-membres, dans {others} des cas, contre {others_without} sans le modèle. L’écart net, ce que le modèle apporte chez les membres et non chez les non-membres, est de {net} (marge d’incertitude : {range}).",
        "Of members, this attack guesses “{attribute}” right in {members} of cases, against {members_without} without the model; of non-members, in {others} of cases, against {others_without} without the model. The net difference, what the model adds for members and not for non-members, is {net} (margin of uncertainty: {range}).",
    ),
    (
        "lead.attribute.leak",
        "Ce qui se sait d’une population aide autant à deviner les uns que les autres : cet écart vient de ce que le modèle a retenu des membres. Il ne dit pas pour quelle personne la réponse est juste.",
        "What is known of a population helps as much with the ones as with the others: this difference comes from what the model kept of the members. It does not tell for which person a guess is right.",
    ),
    (
        "lead.attribute.seen",
        "Dans {power} des cas, un tel échantillon aurait révélé un écart net de {net}. Une fuite plus faible a pu passer inaperçue.",
        "In {power} of cases, such a sample would have revealed a net difference of {net}. A weaker leak may have gone unnoticed.",
    ),
    (
        "lead.inversion.numbers",
        "Parmi autant de membres que de non-membres de la classe visée, la donnée la plus proche de ce que cette attaque a reconstitué est un membre dans {hits} des {classes} classes, soit {share} (marge d’incertitude : {range}) ; le hasard en donnerait la moitié.",
        "Among as many members as non-members of the class aimed at, the record nearest to what this attack rebuilt is a member in {hits} of the {classes} classes, that is, {share} (margin of uncertainty: {range}); chance would give half.",
    ),
    (
        "lead.inversion.uncompared",
        "Aucune classe visée n’a à la fois des membres et des non-membres : rien ne peut être comparé.",
        "No class aimed at has both members and non-members: nothing can be compared.",
    ),
    (
        "lead.inversion.recognised",
        "Un évaluateur indépendant y reconnaît la classe visée dans {hits} cas sur {classes}.",
        "An independent evaluator recognises in it the class aimed at in {hits} of {classes} cases.",
    ),
    (
        "lead.inversion.members",
        "Une moyenne de la classe n’expliquerait pas cela, puisqu’elle est la même pour les membres et pour les autres : le modèle a retenu de quoi reconstituer des données précises, et par là ce qu’elles disent de personnes.",
        "An average of the class would not explain this, since it is the same for members and others: the model kept what it takes to rebuild particular records, and with them what they say of persons.",
    ),
    (
        "lead.inversion.persons",
        "Ce n’est pas une moyenne, qui n’est personne : ce que le modèle a retenu de ces personnes les distingue les unes des autres.",
        "This is no average, which is nobody: what the model kept of these persons tells them apart.",
    ),
    (
        "lead.inversion.seen",
        "Dans {power} des cas, autant de classes auraient révélé une attaque pour laquelle la donnée la plus proche est un membre dans {share} des classes. Une fuite plus faible a pu passer inaperçue.",
        "In {power} of cases, so many classes would have revealed an attack for which the nearest record is a member in {share} of classes. A weaker leak may have gone unnoticed.",
    ),
    (
        "lead.caption.record",
        "Membre : donnée qui a servi à l’entraînement. Non-membre : donnée de même nature, qui n’y a pas servi. Trait fin : marge d’incertitude, à {confidence}.",
        "Member: data used in training. Non-member: data of the same kind that were not. Thin line: margin of uncertainty, at {confidence}.",
    ),
    (
        "lead.caption.person",
        "Membre : personne dont des données ont servi à l’entraînement. Non-membre : personne dont aucune donnée n’y a servi. Trait fin : marge d’incertitude, à {confidence}.",
        "Member: a person whose data were used in training. Non-member: a person whose data were not. Thin line: margin of uncertainty, at {confidence}.",
    ),
    (
        "lead.caption.attribute",
        "Chiffre au-dessus de l’attaque : ce que le modèle ajoute, en points.",
        "Number above the attack: what the model adds, in points.",
    ),
    ("lead.caption.inversion", "Pointillé : ce que donnerait le hasard.", "Dotted: what chance would give."),
    (
        "lead.caption.group",
        "Membre : groupe dont toutes les données ont servi à l’entraînement. Non-membre : groupe dont aucune n’y a servi. Trait fin : marge d’incertitude, à {confidence}.",
        "Member: a group whose data were all used in training. Non-member: a group of which none was. Thin line: margin of uncertainty, at {confidence}.",
    ),
    (
        "groups.meaning",
        "Cette attaque juge des groupes d’au moins {size} enregistrements : un membre est ici un groupe dont tous les enregistrements ont servi à l’entraînement, un non-membre un groupe dont aucun n’y a servi.",
        "This attack judges groups of at least {size} records: here a member is a group whose records were all used in training, a non-member one of which none was.",
    ),
    (
        "plain.significant",
        "Cette attaque distingue les deux groupes, au-delà du hasard.",
        "This attack tells the two groups apart, beyond chance.",
    ),
    (
        "plain.not_significant",
        "L’écart que cette attaque trouve entre les deux groupes peut être dû au hasard.",
        "The difference that this attack finds between the two groups may be chance.",
    ),
    (
        "plain.confounded",
        "Mais elle les distingue à peu près autant sur des modèles qui n’ont rien à voir avec ces membres : les deux groupes diffèrent par eux-mêmes.",
        "But it tells them apart about as well on models that have nothing to do with these members: the two groups differ by themselves.",
    ),
    (
        "plain.attribute.significant",
        "Cet écart dépasse ce que donnerait le hasard.",
        "This difference is more than chance would give.",
    ),
    (
        "plain.attribute.not_significant",
        "Cet écart peut être dû au hasard.",
        "This difference may be chance.",
    ),
    (
        "plain.attribute.confounded",
        "Mais l’attaque trouve à peu près autant avec des modèles qui n’ont rien à voir avec ces membres : les deux groupes diffèrent par eux-mêmes.",
        "But the attack finds about as much with models that have nothing to do with these members: the two groups differ by themselves.",
    ),
    (
        "plain.inversion.significant",
        "C’est plus que ce que donnerait le hasard.",
        "This is more than chance would give.",
    ),
    (
        "plain.inversion.not_significant",
        "Une telle part peut être due au hasard.",
        "Such a share may be chance.",
    ),
    (
        "plain.references_tell",
        "La composition des modèles de référence suffit à trahir les membres : cette attaque ne dit rien du modèle.",
        "The composition of the reference models alone gives the members away: this attack says nothing about the model.",
    ),
    (
        "plain.record_counts_tell",
        "Les membres n’ont pas autant de données que les non-membres, ce qui suffit à déplacer les scores : cette attaque ne dit rien du modèle.",
        "Members do not have as many records as non-members, which alone moves the scores: this attack says nothing about the model.",
    ),
    (
        "plain.underpowered",
        "L’échantillon est trop petit pour montrer l’effet à partir duquel une fuite compte.",
        "The sample is too small to show the effect from which a leak matters.",
    ),
    (
        "not_said.scope",
        "Le résultat vaut pour ces attaques, avec ces accès et sur ces données ; il ne prouve pas que le modèle résiste à d’autres.",
        "The result holds for these attacks, with this access and on these data; it does not prove that the model resists others.",
    ),
    (
        "not_said.families.one",
        "Famille d’attaques non testée : {families}.",
        "Family of attacks not tested: {families}.",
    ),
    (
        "not_said.families.many",
        "Familles d’attaques non testées : {families}.",
        "Families of attacks not tested: {families}.",
    ),
    (
        "not_said.senseless.one",
        "Famille déclarée sans objet, donc non testée : {families}.",
        "Family declared not applicable, hence not tested: {families}.",
    ),
    (
        "not_said.senseless.many",
        "Familles déclarées sans objet, donc non testées : {families}.",
        "Families declared not applicable, hence not tested: {families}.",
    ),
    (
        "not_said.level",
        "L’échantillon ne permet rien de dire au niveau de {level} de fausses alarmes : il faudrait {needed} non-membres, il en compte {got}.",
        "The sample supports no statement at the level of {level} false alarms: that would take {needed} non-members, and it has {got}.",
    ),
    (
        "not_said.population",
        "Ce que le modèle permet de deviner de toute une population, membres ou non, n’est pas compté comme une fuite ; cela peut pourtant nuire à des personnes.",
        "What the model lets one guess of a whole population, members or not, is not counted as a leak; it may harm people all the same.",
    ),
    (
        "not_said.average",
        "Que le modèle laisse reconstituer la moyenne d’une classe n’est pas compté comme une fuite ; cela peut pourtant renseigner sur un groupe de personnes.",
        "That the model lets the average of a class be rebuilt is not counted as a leak; it may tell something about a group of people all the same.",
    ),
    (
        "not_said.law",
        "Il ne dit pas si le risque est négligeable au sens du droit : cette appréciation revient au responsable du traitement.",
        "It does not say whether the risk is insignificant in law: that assessment is the controller’s.",
    ),
    // Common grid.
    ("grid.title", "Grille d’analyse commune", "Common grid"),
    (
        "grid.note",
        "Une ligne par test demandé, puis une par famille d’attaques sans test. Le verdict tient compte de tous les tests de l’audit. Les paragraphes (§) sont ceux de l’avis 28/2024 du Comité européen de la protection des données (CEPD).",
        "One line per test asked for, then one per family of attacks without a test. The verdict takes account of all the tests of the audit. Paragraphs (¶) are those of opinion 28/2024 of the European Data Protection Board (EDPB).",
    ),
    (
        "grid.note.detectable.one",
        "Plus petit effet décelable dans {power} des cas : {effects}.",
        "Smallest effect detectable in {power} of cases: {effects}.",
    ),
    (
        "grid.note.detectable.many",
        "Plus petits effets décelables dans {power} des cas : {effects}.",
        "Smallest effects detectable in {power} of cases: {effects}.",
    ),
    (
        "grid.note.detectable.none",
        "L’échantillon est trop petit pour déceler quelque effet que ce soit.",
        "The sample is too small to detect any effect at all.",
    ),
    ("grid.test", "Test", "Test"),
    ("grid.result", "Résultat principal", "Main result"),
    ("grid.control", "Contrôle", "Control"),
    ("grid.detectable", "Plus petit effet décelable", "Smallest detectable effect"),
    ("grid.verdict", "Verdict", "Verdict"),
    ("grid.reason", "Motif", "Reason"),
    ("grid.edpb", "§ {point}", "¶{point}"),
    ("grid.tpr", "{tpr} des membres reconnus", "{tpr} of members recognised"),
    ("grid.alarms", "Fausses alarmes : {alarms} sur {others}", "False alarms: {alarms} of {others}"),
    (
        "grid.flat",
        "Pas mieux que le hasard au niveau de {level} – membres reconnus : {hits} sur {members} ; fausses alarmes : {alarms} sur {others}",
        "No better than chance at the level of {level} – members recognised: {hits} of {members}; false alarms: {alarms} of {others}",
    ),
    ("grid.attribute", "Écart net : {net}", "Net difference: {net}"),
    (
        "grid.attribute.shares",
        "« {attribute} » deviné : {members} des membres ({members_without} sans le modèle), {others} des non-membres ({others_without} sans le modèle)",
        "“{attribute}” guessed right: {members} of members ({members_without} without the model), {others} of non-members ({others_without} without the model)",
    ),
    ("grid.attribute.detectable", "un écart net de {net}", "a net difference of {net}"),
    (
        "grid.inversion",
        "La donnée la plus proche est un membre : {share} ({hits} classes sur {classes})",
        "The nearest record is a member: {share} ({hits} of {classes} classes)",
    ),
    ("grid.inversion.none", "Aucune classe à comparer", "No class to compare"),
    (
        "grid.inversion.recognised",
        "Classe reconnue : {hits} sur {classes}, par un évaluateur indépendant (juste pour {accuracy} des non-membres)",
        "Class recognised: {hits} of {classes}, by an independent evaluator (right for {accuracy} of non-members)",
    ),
    (
        "grid.inversion.unseen",
        "Classe reconnue : non mesuré, faute d’évaluateur indépendant",
        "Class recognised: not measured, for want of an independent evaluator",
    ),
    (
        "grid.inversion.control",
        "Comparaison à des données jamais apprises",
        "Compared with records never learned",
    ),
    (
        "grid.inversion.detectable",
        "la donnée la plus proche est un membre dans {share} des classes",
        "the nearest record is a member in {share} of classes",
    ),
    ("grid.auc", "Aire sous la courbe : {auc}", "Area under the curve: {auc}"),
    ("grid.interval", "Intervalle à {confidence} : {range}", "{confidence} interval: {range}"),
    ("grid.control.passed", "Satisfait ({p})", "Passed ({p})"),
    ("grid.control.failed", "Non satisfait ({p})", "Failed ({p})"),
    ("grid.control.idle", "Sans objet : rien à expliquer", "Not needed: nothing to explain"),
    ("grid.control.one", "{n} modèle sans rapport", "{n} unrelated model"),
    ("grid.control.many", "{n} modèles sans rapport", "{n} unrelated models"),
    ("grid.control.random", "Tirage au sort déclaré", "Random split declared"),
    ("grid.control.none", "Aucun contrôle possible", "No control possible"),
    (
        "grid.detectable.tpr",
        "{tpr} des membres reconnus à {level} de fausses alarmes",
        "{tpr} of members recognised at {level} false alarms",
    ),
    ("grid.detectable.auc", "une aire sous la courbe de {auc}", "an area under the curve of {auc}"),
    ("grid.detectable.none", "Aucun effet : échantillon trop petit", "None: the sample is too small"),
    // Limits.
    ("limits.title", "Limites", "Limits"),
    (
        "limits.edpb",
        "Résister à des attaques connues n’est un indice que pour ces attaques-là (CEPD, avis 28/2024, § 55) : les lignes de la grille marquées « Non testé » ou « Sans objet » font partie du résultat.",
        "Resistance to known attacks is evidence about those attacks only (EDPB opinion 28/2024, ¶55): the lines of the grid marked “Not tested” or “Not applicable” are part of the result.",
    ),
    (
        "limits.level",
        "Niveau de {level} de fausses alarmes : {needed} non-membres sont nécessaires pour en dire quoi que ce soit, l’échantillon en compte {got}. Aucun chiffre n’est donné.",
        "Level of {level} false alarms: saying anything about it takes {needed} non-members, and the sample has {got}. No figure is given.",
    ),
    (
        "limits.level.fixed",
        "Niveau de {level} de fausses alarmes : l’échantillon suffit pour un seuil lu sur les mêmes données, mais non pour un seuil fixé à part. Il faudrait {needed} non-membres pour le fixer et autant à compter ; il y en a {fixing} et {counted}.",
        "Level of {level} false alarms: the sample is enough for a threshold read off the same data, but not for one fixed apart. That would take {needed} non-members to fix it and as many to count; there are {fixing} and {counted}.",
    ),
    (
        "limits.excluded.one",
        "{n} modèle de référence a été écarté : sa composition répète ou complète celle du modèle audité, ou en dépend, et trahirait les membres.",
        "{n} reference model was left out: its composition repeats, complements or depends on the audited model’s and would give the members away.",
    ),
    (
        "limits.excluded.many",
        "{n} modèles de référence ont été écartés : leur composition répète ou complète celle du modèle audité, ou en dépend, et trahirait les membres.",
        "{n} reference models were left out: their composition repeats, complements or depends on the audited model’s and would give the members away.",
    ),
    (
        "limits.fitted",
        "Le modèle audité a été entraîné pendant l’audit : les résultats valent pour la procédure d’entraînement, et pour un modèle déployé dans la mesure où il a été entraîné de même.",
        "The audited model was fitted within the audit: the results hold for the training procedure, and for a deployed model as far as it was trained in the same way.",
    ),
    (
        "limits.fit_failed.one",
        "{n} modèle de référence n’a pas pu être entraîné ({why}).",
        "{n} reference model could not be fitted ({why}).",
    ),
    (
        "limits.fit_failed.many",
        "{n} modèles de référence n’ont pas pu être entraînés (le premier : {why}).",
        "{n} reference models could not be fitted (the first: {why}).",
    ),
    (
        "limits.proxy_mismatch",
        "Les modèles de référence sur-apprennent autrement que le modèle audité : les attaques qui s’y comparent ont pu trouver moins qu’il n’y a.",
        "The reference models overfit otherwise than the audited model: attacks that compare with them may have found less than there is.",
    ),
    (
        "limits.balanced",
        "Chaque enregistrement a servi à entraîner le même nombre de modèles, celui audité compris ; pour chacun, un modèle de référence tiré au sort a donc été mis de côté : sans cela, ces nombres trahiraient les membres.",
        "Every record was used to train the same number of models, the audited one included; for each, one reference model drawn by chance was therefore set aside: otherwise these numbers would give the members away.",
    ),
    (
        "limits.optimistic",
        "L’exactitude équilibrée et l’avantage sont lus au meilleur seuil des mêmes données : ils sont optimistes et n’entrent dans aucun verdict.",
        "Balanced accuracy and advantage are read at the best threshold of the same data: they are optimistic and enter no verdict.",
    ),
    (
        "limits.absence",
        "L’absence de fuite n’est pas testée : il faudrait pour cela un test d’équivalence. Un résultat non concluant n’est pas un résultat favorable.",
        "The absence of a leak is not tested: that would take an equivalence test. An inconclusive result is not a favourable one.",
    ),
    (
        "limits.attribute",
        "Passe pour connu d’une population ce que trouve qui devine l’attribut sans le modèle. Quelqu’un qui le devinerait mieux laisserait peut-être moins à l’attaque.",
        "What counts as known of a population is what is found by whoever guesses the attribute without the model. Somebody who guesses it better might leave less to the attack.",
    ),
    (
        "limits.inversion",
        "Ce qui a été reconstitué est jugé par des nombres, non par un regard humain : ce qui saute aux yeux peut leur échapper, et l’inverse. Que rien n’ait été reconstitué vaut pour cette attaque et ses ressources ; une autre, mieux armée, peut trouver plus.",
        "What was rebuilt is judged by numbers, not by a human eye: what leaps to the eye may escape them, and the other way round. That nothing was rebuilt holds for this attack and its means; another, better armed one may find more.",
    ),
    (
        "limits.exposed_off",
        "La liste des plus exposés n’est pas établie : elle ne l’est que sur demande.",
        "The most exposed are not listed: they are only on request.",
    ),
    (
        "limits.epsilon",
        "Un test qui n’est pas valide, pour les motifs qu’il indique, ne borne pas ε, même avec des canaris.",
        "A test that is not valid, for the reasons that it gives, does not bound ε, even with canaries.",
    ),
    (
        "limits.undeclared.one",
        "{n} question du contexte est restée sans réponse dans le manifeste : elle porte plus bas la mention « non déclaré ».",
        "{n} question of the context has no answer in the manifest: it is marked “not declared” below.",
    ),
    (
        "limits.undeclared.many",
        "{n} questions du contexte sont restées sans réponse dans le manifeste : elles portent plus bas la mention « non déclaré ».",
        "{n} questions of the context have no answer in the manifest: they are marked “not declared” below.",
    ),
    (
        "limits.scores",
        "Les scores ont été repris tels quels : ni le modèle ni la façon de les calculer n’ont été vérifiés.",
        "The scores were taken as they are: neither the model nor the way they were computed was checked.",
    ),
    // Reasons.
    (
        "reason.significant",
        "Les membres obtiennent des scores plus élevés que les non-membres, au-delà du hasard ({p}, corrigé pour l’ensemble des tests ; seuil : {alpha}).",
        "Members score higher than non-members, beyond chance ({p}, corrected for all tests; level: {alpha}).",
    ),
    (
        "reason.not_significant",
        "L’écart entre membres et non-membres peut être dû au hasard ({p}, corrigé pour l’ensemble des tests ; seuil : {alpha}).",
        "The difference between members and non-members may be chance ({p}, corrected for all tests; level: {alpha}).",
    ),
    (
        "reason.above_unrelated",
        "L’attaque trouve plus sur ce modèle que sur des modèles qui n’ont rien à voir avec ces membres ({p}, corrigé pour l’ensemble des tests).",
        "The attack finds more on this model than on models that have nothing to do with these members ({p}, corrected for all tests).",
    ),
    (
        "reason.confounded",
        "L’attaque trouve à peu près autant sur des modèles sans rapport ({p}, corrigé pour l’ensemble des tests ; seuil : {alpha}) : membres et non-membres diffèrent par eux-mêmes.",
        "The attack finds about as much on unrelated models ({p}, corrected for all tests; level: {alpha}): members and non-members differ by themselves.",
    ),
    (
        "reason.shift_not_excluded",
        "Rien n’exclut que membres et non-membres diffèrent par eux-mêmes : aucun contrôle n’a été possible et aucun tirage au sort n’est déclaré.",
        "Nothing excludes that members and non-members differ by themselves: no control was possible, and no random split is declared.",
    ),
    (
        "reason.random_split",
        "Un tirage au sort des membres dans un même ensemble est déclaré : rien d’autre ne les distingue des non-membres.",
        "A random draw of the members from one pool is declared: nothing else sets them apart from non-members.",
    ),
    (
        "reason.too_few",
        "Trop peu de données pour conclure : il faut {needed} membres et autant de non-membres ; il y a {members} membres et {others} non-membres. Avec moins, seuls des signes se lisent (`paname signs`) ; avec {needed} de chaque côté, seule une fuite forte se verrait.",
        "Too few data for any statement: {needed} members and as many non-members are needed; there are {members} members and {others} non-members. With fewer, only signs can be read (`paname signs`); with {needed} on either side, only a strong leak would be seen.",
    ),
    (
        "reason.too_few_groups",
        "Trop peu de groupes pour conclure : il en faut {needed} de membres et autant de non-membres, d’au moins {size} enregistrements chacun ; ces données en donnent {members} et {others}. Il faudrait {records} enregistrements membres et autant de non-membres, ou des groupes plus petits.",
        "Too few groups for any statement: {needed} of members and as many of non-members are needed, of at least {size} records each; these data give {members} and {others}. It would take {records} member records and as many non-members, or smaller groups.",
    ),
    (
        "reason.all_tied",
        "Tous les scores sont égaux : l’attaque ne distingue rien.",
        "Every score is the same: the attack tells nothing apart.",
    ),
    (
        "reason.references",
        "Il manque de quoi mener l’attaque – {what} : {needed} nécessaires, {got} disponibles.",
        "The attack lacks something – {what}: {needed} needed, {got} given.",
    ),
    (
        "reason.access",
        "L’attaque demande un accès que le modèle n’offre pas ou que le manifeste n’accorde pas : {missing}.",
        "The attack needs access that the model does not offer or the manifest does not grant: {missing}.",
    ),
    (
        "reason.budget",
        "Le test demanderait au modèle {needed} enregistrements ; le manifeste en permet {allowed}.",
        "The test would ask the model about {needed} records; the manifest allows {allowed}.",
    ),
    (
        "reason.inversion.budget",
        "Le test poserait {needed} questions au modèle{each} ; le manifeste en permet {allowed}.",
        "The test would put {needed} questions to the model{each}; the manifest allows {allowed}.",
    ),
    ("reason.inversion.budget.each", ", {each} par classe", ", {each} for each class"),
    (
        "reason.possible",
        "Avec leurs paramètres par défaut pourraient être menées ici : {attacks}.",
        "With their default parameters, these attacks could run here: {attacks}.",
    ),
    (
        "reason.possible.attack",
        "{attack} ({questions} questions au plus)",
        "{attack} ({questions} questions at most)",
    ),
    (
        "reason.possible.none",
        "Aucune attaque qui reconstitue des entrées ne pourrait être menée ici avec ses paramètres par défaut.",
        "No attack that rebuilds inputs could run here with its default parameters.",
    ),
    (
        "reason.evaluator_knows_members",
        "L’évaluateur a raison plus souvent des membres ({members}) que des autres ({others} ; {p}) : il a sans doute appris d’eux, et ce qu’il dit des entrées mène à eux sans le modèle audité.",
        "The evaluator is right of members ({members}) more often than of others ({others}; {p}): it was likely fitted on them, and what it says of inputs leads to them without the audited model.",
    ),
    (
        "reason.no_gradients",
        "Le modèle ne donne aucun gradient, et l’attaque doit en recevoir. Estimés à partir des réponses (gradient = \"estimated\"), ils coûteraient au plus {questions} questions{remedy}",
        "The model gives no gradients, and the attack is to be given them. Estimated from answers (gradient = \"estimated\"), they would cost {questions} questions at most{remedy}",
    ),
    (
        "reason.no_gradients.generator",
        "Le générateur ne transmet aucun gradient, et l’attaque doit en recevoir. Estimés à partir des réponses (gradient = \"estimated\"), ils coûteraient au plus {questions} questions{remedy}",
        "No gradients come through the generator, and the attack is to be given them. Estimated from answers (gradient = \"estimated\"), they would cost {questions} questions at most{remedy}",
    ),
    ("reason.no_gradients.possible", ", que le manifeste permet.", ", which the manifest allows."),
    (
        "reason.no_gradients.budget",
        " ; le manifeste en permet {allowed}.",
        "; the manifest allows {allowed}.",
    ),
    (
        "reason.fidelity",
        "L’exactitude mesurée sur {side} ({measured}) n’est pas celle que déclare le manifeste ({declared}) : le modèle ou les données ne sont pas ceux qui ont été déclarés. {causes}",
        "The accuracy measured on {side} ({measured}) is not the one that the manifest declares ({declared}): the model or the data are not what was declared. {causes}",
    ),
    (
        "reason.fidelity.loss",
        "La perte moyenne mesurée sur {side} ({measured}) n’est pas celle que déclare le manifeste ({declared}) : le modèle ou les données ne sont pas ceux qui ont été déclarés. {causes}",
        "The mean loss measured on {side} ({measured}) is not the one that the manifest declares ({declared}): the model or the data are not what was declared. {causes}",
    ),
    (
        "reason.declared_unmeasured",
        "L’accès accordé ne permet pas de mesurer ce que le manifeste déclare du modèle : rien ne dit que c’est bien celui-là.",
        "The access granted does not let what the manifest declares of the model be measured: nothing says that it is that one.",
    ),
    (
        "fidelity.causes.unknown",
        "Causes fréquentes : normalisation, ordre des classes, mode d’évaluation.",
        "Frequent causes: normalisation, order of the classes, evaluation mode.",
    ),
    (
        "fidelity.causes",
        "Causes probables, trouvées par essai : {causes}.",
        "Likely causes, found by trying: {causes}.",
    ),
    (
        "cause.times_255",
        "normalisation (la valeur déclarée revient quand les entrées sont multipliées par 255)",
        "normalisation (what was declared comes back with the inputs multiplied by 255)",
    ),
    (
        "cause.divided_by_255",
        "normalisation (la valeur déclarée revient quand les entrées sont divisées par 255)",
        "normalisation (what was declared comes back with the inputs divided by 255)",
    ),
    (
        "cause.standardised",
        "normalisation (la valeur déclarée revient quand chaque canal ou colonne est centré et réduit)",
        "normalisation (what was declared comes back with each channel or column standardised)",
    ),
    (
        "cause.channel_order",
        "ordre des canaux (rouge et bleu échangés)",
        "order of the channels (red and blue exchanged)",
    ),
    (
        "cause.label_order",
        "ordre des classes (une autre numérotation rétablit la valeur déclarée)",
        "order of the classes (other numbers bring back what was declared)",
    ),
    (
        "cause.evaluation_mode",
        "le modèle est en mode d’entraînement (ses réponses dépendent du hasard ou des autres données interrogées avec elles)",
        "the model is in training mode (its answers depend on chance or on what else is asked with them)",
    ),
    ("cause.layout", "disposition des entrées (axes permutés)", "layout of the inputs (axes exchanged)"),
    (
        "reason.proxy_mismatch",
        "L’écart d’exactitude entre données apprises et autres est de {target} pour le modèle audité et de {references} en moyenne pour les modèles de référence (différence admise : {allowed}) : ils le représentent mal, et l’attaque a pu trouver moins qu’il n’y a.",
        "The gap in accuracy between records learned and others is {target} for the audited model and {references} on average for the reference models (difference allowed: {allowed}): they are poor stand-ins, and the attack may have found less than there is.",
    ),
    (
        "reason.references_tell",
        "Le nombre de modèles de référence entraînés avec une donnée dépend de son appartenance ({p}) : leur composition suffit à trahir les membres, et le résultat ne dit rien du modèle.",
        "How many reference models were fitted with a record depends on its membership ({p}): their composition alone gives the members away, and the result says nothing about the model.",
    ),
    (
        "reason.record_counts_tell",
        "Le score d’une personne est le plus grand de ses données, et les membres n’en ont pas autant que les non-membres ({p}) : ce nombre suffit à déplacer les scores, et le résultat ne dit rien du modèle. La moyenne n’a pas ce défaut.",
        "A person’s score is the largest of its records’, and members do not have as many as non-members ({p}): that number alone moves the scores, and the result says nothing about the model. The mean has no such flaw.",
    ),
    (
        "reason.underpowered",
        "L’échantillon est trop petit : le moindre écart que le test montrerait entre vraies et fausses alarmes est de {detectable} ; un écart de {wanted} compte déjà.",
        "The sample is too small: the least excess of true over false alarms that the test would show is {detectable}; an excess of {wanted} matters already.",
    ),
    (
        "reason.underpowered.none",
        "L’échantillon est trop petit : à aucun niveau déclaré le test ne montrerait d’écart entre vraies et fausses alarmes ; un écart de {wanted} compte déjà.",
        "The sample is too small: at no declared level would the test show any excess of true over false alarms; an excess of {wanted} matters already.",
    ),
    (
        "reason.not_requested",
        "Aucun test de cette famille n’a été demandé.",
        "No test of this family was asked for.",
    ),
    (
        "reason.declared_not_applicable",
        "Déclaré sans objet dans le manifeste : « {why} ».",
        "Declared not applicable in the manifest: “{why}”.",
    ),
    (
        "reason.task",
        "Le modèle n’a pas la tâche ou la sortie que cette attaque exploite.",
        "The model does not have the task or the output that this attack exploits.",
    ),
    (
        "reason.texts",
        "L’attaque reconstitue des textes, et le manifeste ne déclare pas que les données en sont (modality = [\"text\"] dans [data]).",
        "The attack rebuilds texts, and the manifest does not declare that records are texts (modality = [\"text\"] in [data]).",
    ),
    (
        "reason.texts.none",
        "L’attaque ne reconstitue pas de textes, et le manifeste déclare que les données en sont (modality ou likeness).",
        "The attack rebuilds no texts, and the manifest declares that records are texts (modality or likeness).",
    ),
    (
        "reason.failed",
        "L’attaque a échoué. Message technique : {message}",
        "The attack failed. Technical message: {message}",
    ),
    (
        "reason.below_margin",
        "À tout niveau que l’échantillon permet d’évaluer, les membres sont désignés au plus {upper} plus souvent que les non-membres, soit moins que l’écart déclaré important ({wanted}). Jusqu’à {units} des membres pourraient être exposés sans que ce test le voie.",
        "At every level that the sample resolves, members are pointed at {upper} more often than non-members at the most, less than the difference that was declared to matter ({wanted}). Up to {units} of the members could be exposed without this test seeing it.",
    ),
    (
        "reason.not_below_margin",
        "L’absence de fuite n’est pas établie : les membres pourraient être désignés jusqu’à {upper} plus souvent que les non-membres, et l’écart déclaré important est de {wanted}.",
        "The absence of a leak is not shown: members could be pointed at up to {upper} more often than non-members, and the difference that was declared to matter is {wanted}.",
    ),
    (
        "reason.no_level_resolved",
        "L’absence de fuite ne peut être établie : l’échantillon ne permet d’évaluer aucun des niveaux déclarés.",
        "The absence of a leak cannot be shown: the sample resolves none of the declared levels.",
    ),
    (
        "reason.no_positive_control",
        "L’absence de fuite ne peut être établie : aucun modèle n’était là pour montrer que cette attaque voit une fuite quand il y en a une.",
        "The absence of a leak cannot be shown: no model was there to show that this attack sees a leak where there is one.",
    ),
    (
        "reason.positive_control_failed",
        "L’absence de fuite ne peut être établie : sur des modèles de référence, une fuite de la taille déclarée importante n’a été vue que dans {detected} des audits simulés ; il en fallait {wanted}.",
        "The absence of a leak cannot be shown: on reference models, a leak of the size that was declared to matter was seen in {detected} of the simulated audits only; {wanted} were needed.",
    ),
    (
        "reason.positive_control_failed.none",
        "L’absence de fuite ne peut être établie : sur les modèles de référence, dont les données sont connues, cette attaque ne trouve jamais autant que ce qui est déclaré important. Un modèle de référence volontairement surentraîné lèverait ce doute.",
        "The absence of a leak cannot be shown: on reference models, whose data are known, this attack never finds as much as was declared to matter. A reference model that is overfitted on purpose would remove this doubt.",
    ),
    (
        "reason.positive_control_passed",
        "Sur des modèles de référence, une fuite de cette taille a été vue dans {detected} des audits simulés.",
        "On reference models, a leak of that size was seen in {detected} of the simulated audits.",
    ),
    (
        "reason.shift_seen",
        "Sans interroger le modèle, on distingue membres et non-membres (AUC {auc}, {p}), alors que le manifeste dit que le hasard les a séparés : les deux groupes diffèrent d’eux-mêmes.",
        "Without asking the model, members and non-members can be told apart (AUC {auc}, {p}), though the manifest says that chance drew them: the two groups differ by themselves.",
    ),
    (
        "reason.not_beyond_blind",
        "L’attaque ne fait pas mieux qu’un classifieur qui ne voit jamais le modèle (AUC {auc} ; {p} pour la différence).",
        "The attack does no better than a classifier that never sees the model (AUC {auc}; {p} for the difference).",
    ),
    (
        "reason.fidelity_undeclared",
        "Le manifeste ne déclare ni exactitude ni perte du modèle : rien ne montre que le modèle testé est bien celui qui est déclaré.",
        "The manifest declares neither accuracy nor loss of the model: nothing shows that the tested model is the declared one.",
    ),
    (
        "reason.attribute.significant",
        "Par rapport à qui devine sans le modèle, l’attaque réussit mieux chez les membres que chez les non-membres, au-delà du hasard ({p}, corrigé pour l’ensemble des tests ; seuil : {alpha}).",
        "Compared with guessing without the model, the attack does better of members than of non-members, beyond chance ({p}, corrected for all tests; level: {alpha}).",
    ),
    (
        "reason.attribute.not_significant",
        "Que le modèle aide à deviner l’attribut des membres plus que celui des non-membres peut être dû au hasard ({p}, corrigé pour l’ensemble des tests ; seuil : {alpha}).",
        "That the model helps to guess the attribute of members more than that of non-members may be chance ({p}, corrected for all tests; level: {alpha}).",
    ),
    (
        "reason.attribute.too_few",
        "Trop peu de données pour conclure : il faut {needed} membres et autant de non-membres dont l’attribut est connu ; il y a {members} membres et {others} non-membres.",
        "Too few data for any statement: {needed} members and as many non-members whose attribute is known are needed; there are {members} members and {others} non-members.",
    ),
    (
        "reason.attribute.all_tied",
        "L’attaque juge toutes les valeurs possibles également probables : elle ne devine rien.",
        "The attack finds every possible value equally likely: it guesses nothing.",
    ),
    (
        "reason.difference_below",
        "L’écart net entre membres et non-membres est d’au plus {upper}, soit moins que celui déclaré important ({wanted}).",
        "The net difference between members and non-members is {upper} at the most, less than the one that was declared to matter ({wanted}).",
    ),
    (
        "reason.difference_not_below",
        "L’absence de fuite n’est pas établie : l’écart net pourrait atteindre {upper}, et celui déclaré important est de {wanted}.",
        "The absence of a leak is not shown: the net difference could be as large as {upper}, and the one that was declared to matter is {wanted}.",
    ),
    (
        "reason.difference_underpowered",
        "L’échantillon est trop petit : le moindre écart net que le test montrerait est de {detectable} ; un écart de {wanted} compte déjà.",
        "The sample is too small: the least net difference that the test would show is {detectable}; one of {wanted} matters already.",
    ),
    (
        "reason.difference_underpowered.none",
        "L’échantillon est trop petit : le test n’y montrerait aucun écart net ; un écart de {wanted} compte déjà.",
        "The sample is too small: the test would show no net difference at all; one of {wanted} matters already.",
    ),
    (
        "reason.population",
        "Même chez les non-membres, l’attaque devine l’attribut plus souvent ({attack}) que si elle répondait toujours la valeur la plus fréquente ({prior}) : c’est un savoir sur la population, qui n’est pas compté comme une fuite.",
        "Of non-members too, the attack guesses the attribute right more often ({attack}) than if it always named the most frequent value ({prior}): that is knowledge about a population, which is not counted as a leak.",
    ),
    (
        "reason.imputer",
        "Qui devine sans le modèle disposait de {rows} enregistrements pour apprendre, et le modèle de {target_rows} au moins : quelqu’un de mieux instruit laisserait peut-être moins à l’attaque.",
        "Whoever guesses without the model had {rows} records to learn from, and the model at least {target_rows}: somebody who knows more might leave less to the attack.",
    ),
    (
        "reason.inversion.significant",
        "Ce qui a été reconstitué désigne des membres, ou distingue des personnes, plus souvent que par hasard ({p}, corrigé pour l’ensemble des tests ; seuil : {alpha}).",
        "What was rebuilt points at members, or tells persons apart, more often than by chance ({p}, corrected for all tests; level: {alpha}).",
    ),
    (
        "reason.inversion.not_significant",
        "Que ce qui a été reconstitué désigne des membres peut être dû au hasard ({p}, corrigé pour l’ensemble des tests ; seuil : {alpha}).",
        "That what was rebuilt points at members may be chance ({p}, corrected for all tests; level: {alpha}).",
    ),
    (
        "reason.person_rebuilt",
        "Des données précises : dans {hits} des {classes} classes comparées, ce qui a été reconstitué est plus proche d’un membre que d’autant de non-membres de la même classe ; le hasard en donnerait la moitié.",
        "Particular records: in {hits} of the {classes} classes compared, what was rebuilt is nearer to a member than to as many non-members of the same class; chance would give half.",
    ),
    (
        "reason.persons_identified",
        "Des personnes : pour {hits} des {classes} personnes visées, la plus proche des données que le modèle n’a jamais vues est l’une des leurs ; le hasard en donnerait {chance}. On peut donc tirer du modèle de quoi les reconnaître.",
        "Persons: for {hits} of the {classes} persons aimed at, the nearest of the records that the model never saw is one of their own; chance would give {chance}. What it takes to recognise them can thus be taken from the model.",
    ),
    (
        "reason.average_rebuilt",
        "La moyenne d’une classe, qui n’est personne : l’évaluateur reconnaît ce qui a été reconstitué pour {recognised} des classes (hasard : {chance}), mais rien ne montre que ce soit plus proche des membres que d’autres données de la classe.",
        "The average of a class, which is nobody: the evaluator recognises what was rebuilt in {recognised} of classes (chance: {chance}), but nothing shows that it is nearer to members than to other records of the class.",
    ),
    (
        "reason.average_rebuilt.persons",
        "Peut-être une simple moyenne : l’évaluateur reconnaît la personne visée pour {recognised} des personnes (hasard : {chance}), mais aucune comparaison à d’autres données ne le confirme.",
        "Perhaps a mere average: the evaluator recognises the person aimed at for {recognised} of persons (chance: {chance}), but no comparison with other records confirms it.",
    ),
    (
        "reason.nothing_rebuilt",
        "Rien de reconnaissable : l’évaluateur retrouve la classe visée pour {recognised} des classes, et rien ne montre que ce soit plus que le hasard ({chance}).",
        "Nothing recognisable: the evaluator finds the class aimed at in {recognised} of classes, and nothing shows that this is more than chance ({chance}).",
    ),
    (
        "reason.no_evaluator",
        "Aucun modèle indépendant n’a examiné ce qui a été reconstitué : qu’une classe s’y reconnaisse, ou rien, reste ouvert, et la ressemblance est celle des valeurs ou des mots eux-mêmes.",
        "No independent model looked at what was rebuilt: whether a class can be recognised in it, or nothing, is open, and likeness is that of the values or words themselves.",
    ),
    (
        "reason.partly_rebuilt",
        "L’attaque a été interrompue avant son terme, la limite de questions étant atteinte : elle aurait pu trouver plus.",
        "The attack was cut short, its questions being used up: it might have found more.",
    ),
    (
        "reason.too_few_classes",
        "Trop peu de classes pour conclure : il en faut {needed} qui aient à la fois des membres et des non-membres ; il y en a {classes}.",
        "Too few classes for any statement: {needed} that have both members and non-members are needed; there are {classes}.",
    ),
    (
        "reason.nearest_below",
        "La donnée la plus proche est un membre dans {upper} des classes au plus, soit moins que la part déclarée importante ({wanted}).",
        "The nearest record is a member in {upper} of classes at the most, less than the share that was declared to matter ({wanted}).",
    ),
    (
        "reason.nearest_not_below",
        "L’absence de fuite n’est pas établie : la donnée la plus proche pourrait être un membre dans {upper} des classes, et la part déclarée importante est de {wanted}.",
        "The absence of a leak is not shown: the nearest record could be a member in {upper} of classes, and the share that was declared to matter is {wanted}.",
    ),
    (
        "reason.nearest_underpowered",
        "Trop peu de classes : la plus petite part que le test montrerait est de {detectable} ; une part de {wanted} compte déjà.",
        "Too few classes: the smallest share that the test would show is {detectable}; one of {wanted} matters already.",
    ),
    (
        "reason.nearest_underpowered.none",
        "Trop peu de classes : le test n’en montrerait aucune part, si grande soit-elle ; une part de {wanted} compte déjà.",
        "Too few classes: the test would show no share, however large; one of {wanted} matters already.",
    ),
    (
        "reason.candidate_budget",
        "Le test poserait {needed} questions au modèle, une par enregistrement et par valeur possible (il y en a {candidates}) ; le manifeste en permet {allowed}. {remedy}",
        "The test would put {needed} questions to the model, one per record and possible value (of which there are {candidates}); the manifest allows {allowed}. {remedy}",
    ),
    (
        "candidate_budget.sample",
        "Avec `sample = {sample}` dans la table de l’attribut, l’audit ne porte que sur des enregistrements tirés au sort et s’y tient.",
        "With `sample = {sample}` in the attribute’s table, the audit is about records drawn by chance and stays within that.",
    ),
    (
        "candidate_budget.never",
        "Tirer des enregistrements au sort n’y suffirait pas.",
        "Drawing records by chance would not be enough.",
    ),
    ("missing.references", "modèles de référence", "reference models"),
    (
        "missing.references_asked",
        "modèles de référence que l’on peut interroger comme le modèle audité",
        "reference models that can be asked what the target is asked",
    ),
    (
        "missing.fitted",
        "modèles que l’adaptateur du modèle audité entraîne",
        "models that the target’s adapter fits",
    ),
    ("missing.generators", "générateurs d’entrées", "generators of inputs"),
    (
        "missing.generators_with_gradients",
        "générateurs d’entrées qui transmettent des gradients",
        "generators of inputs that gradients come through",
    ),
    ("missing.population", "enregistrements de la population", "population records"),
    ("missing.variants", "variantes de chaque enregistrement", "variants of each record"),
    (
        "missing.fitted_with",
        "modèles de référence entraînés avec chaque enregistrement audité",
        "reference models fitted with each audited record",
    ),
    (
        "missing.fitted_without",
        "modèles de référence entraînés sans chaque enregistrement audité",
        "reference models fitted without each audited record",
    ),
    ("fidelity.train", "les données d’entraînement", "the training data"),
    ("fidelity.test", "les autres données", "the other data"),
    // Tests in detail.
    ("tests.title", "Résultats détaillés", "Results in detail"),
    (
        "tests.intro",
        "Pour chaque test : ce qu’un succès montre, pourquoi ce verdict, puis les chiffres. Aucun taux n’est interpolé ; un niveau hors de portée de l’échantillon n’a pas de chiffre. Ce qui suit vaut pour tous les tests.",
        "For each test: what success shows, why this verdict, then the figures. No rate is interpolated; a level out of the sample’s reach has no figure. What follows holds for every test.",
    ),
    (
        "test.sample",
        "Comptés : {members} membres et {others} non-membres ({unit}).",
        "Counted: {members} members and {others} non-members ({unit}).",
    ),
    (
        "test.levels",
        "Membres reconnus, par niveau de fausses alarmes",
        "Members recognised, by level of false alarms",
    ),
    ("test.level", "Niveau visé", "Level aimed at"),
    ("test.fixed", "(a) Seuil fixé sur d’autres non-membres", "(a) Threshold fixed on other non-members"),
    ("test.same_data", "(b) Seuil lu sur les mêmes données", "(b) Threshold read off the same data"),
    ("test.tpr", "Membres reconnus", "Members recognised"),
    ("test.fpr", "Fausses alarmes mesurées", "False alarms measured"),
    ("test.rate", "{share} ({hits} sur {trials})", "{share} ({hits} of {trials})"),
    ("test.coarse", "estimation grossière", "coarse estimate"),
    (
        "test.level.refused",
        "Hors de portée : il faudrait {needed} non-membres, l’échantillon en compte {got}.",
        "Out of reach: that would take {needed} non-members, and the sample has {got}.",
    ),
    (
        "test.level.fixed_missing",
        "Hors de portée : il faudrait {needed} non-membres pour fixer le seuil et autant à compter ; il y en a {fixing} et {counted}.",
        "Out of reach: that would take {needed} non-members to fix the threshold and as many to count; there are {fixing} and {counted}.",
    ),
    (
        "reading.levels",
        "Intervalles à {confidence}. Une estimation grossière repose sur une poignée de non-membres. (a) Le seuil est fixé sur une part des non-membres, tirée au sort, et jugé sur les autres ; intervalles de Clopper-Pearson, exacts, chaque taux pour lui-même. (b) Seuil lu après coup sur tous les non-membres ; intervalle exact et prudent, qui tient aussi compte de l’incertitude sur les fausses alarmes.",
        "{confidence} intervals. A coarse estimate rests on a handful of non-members. (a) The threshold is fixed on a random part of the non-members and judged on the others; Clopper-Pearson intervals, exact, each rate by itself. (b) Threshold read afterwards off all non-members; exact and conservative interval, which also allows for the uncertain rate of false alarms.",
    ),
    (
        "reading.roc",
        "Plus la courbe est haute à gauche, plus l’attaque reconnaît de membres sans se tromper. Bande : confiance simultanée de {confidence}. Pointillé : hasard. Zone grise : hors de portée de l’échantillon. Point et traits : seuil fixé à part et ses intervalles ; un triangle au bord gauche signifie qu’aucune fausse alarme n’a été mesurée.",
        "The higher the curve on the left, the more members the attack recognises without error. Band: simultaneous confidence of {confidence}. Dotted: chance. Grey zone: out of the sample’s reach. Dot and lines: the threshold fixed apart, with its intervals; a triangle at the left edge means that no false alarm was measured.",
    ),
    (
        "reading.histogram",
        "Chaque groupe est ramené à 100 %. Plus les deux formes se séparent, plus l’attaque distingue. Les valeurs extrêmes sont hors cadre.",
        "Each group is scaled to 100%. The further the two shapes part, the more the attack tells apart. Extreme values are beyond the frame.",
    ),
    (
        "reading.control",
        "La même attaque, menée contre des modèles dont l’entraînement est sans rapport avec ces membres : un point par modèle. Si le modèle audité (losange) ne s’en détache pas, membres et non-membres diffèrent par eux-mêmes. Pointillé : hasard.",
        "The same attack on models whose training has nothing to do with these members: one dot per model. Where the audited model (diamond) does not stand out, members and non-members differ by themselves. Dotted: chance.",
    ),
    (
        "reading.parts",
        "Une partie qui compte moins de 10 membres ou moins de 10 non-membres n’a pas de chiffre. Les intervalles ne sont pas corrigés pour le nombre de parties.",
        "A part with under 10 members or under 10 non-members has no figure. Intervals are not corrected for the number of parts.",
    ),
    ("test.averages", "Mesures d’ensemble", "Overall figures"),
    (
        "test.averages.note",
        "Secondaires : une moyenne cache les plus exposés.",
        "Secondary: an average hides the most exposed.",
    ),
    ("test.figure", "Mesure", "Figure"),
    ("test.value", "Valeur", "Value"),
    (
        "test.chosen",
        "{value}, choisi en attaquant des modèles de référence",
        "{value}, chosen by attacking reference models",
    ),
    ("test.balanced_accuracy", "Exactitude équilibrée (optimiste)", "Balanced accuracy (optimistic)"),
    ("test.advantage", "Avantage, TPR − FPR (optimiste)", "Advantage, TPR − FPR (optimistic)"),
    (
        "test.detectable",
        "Plus petit effet décelable (probabilité {power})",
        "Smallest detectable effect (probability {power})",
    ),
    ("test.detection", "Tests de détection", "Detection tests"),
    ("test.statistic", "Statistique", "Statistic"),
    ("test.p", "p brut", "Raw p"),
    ("test.p_controlled", "Avec contrôle (Holm)", "With control (Holm)"),
    ("test.p_adjusted", "p ajusté (Holm)", "Adjusted p (Holm)"),
    ("test.precision", "Part d’alarmes justes", "Share of true alarms"),
    (
        "test.precision.note",
        "Selon la part de membres parmi les personnes ou données visées, aux taux mesurés ; peu sûre quand les fausses alarmes sont rares.",
        "By the share of members among the people or data targeted, at the rates measured; unsure where false alarms are few.",
    ),
    (
        "test.precision.missing",
        "Non estimable : aucune fausse alarme sur {others} non-membres",
        "Cannot be estimated: no false alarm among {others} non-members",
    ),
    ("test.prior", "{prior} de membres", "{prior} members"),
    ("test.excess", "Écart, borne supérieure", "Excess, upper bound"),
    ("usage.title", "Part des groupes utilisée : estimations", "Share of groups that was used: estimates"),
    (
        "usage.error",
        "Erreur absolue moyenne sur {groups} groupes : {error} ({range}, à {confidence}). Répondre toujours la même part, la meilleure, donnerait {constant}. Biais : {bias} ({bias_range}).",
        "Mean absolute error over {groups} groups: {error} ({range}, at {confidence}). Always answering the same share, the best one, would give {constant}. Bias: {bias} ({bias_range}).",
    ),
    (
        "usage.note",
        "De 0, aucune donnée du groupe n’a servi, à 1, toutes ont servi. L’incertitude est celle du tirage des groupes.",
        "From 0, no record of the group was used, to 1, all were. The uncertainty is that of which groups were drawn.",
    ),
    ("usage.share", "Part réelle", "True share"),
    ("usage.groups", "Groupes", "Groups"),
    ("usage.estimate", "Estimation moyenne", "Mean estimate"),
    ("usage.absolute_error", "Erreur absolue moyenne", "Mean absolute error"),
    ("test.beside", "Contrôles et portée", "Controls and reach"),
    (
        "beside.blind",
        "Classifieur qui ne voit jamais le modèle : AUC {blind}. L’attaque fait {difference} de plus ({range}).",
        "Classifier that never sees the model: AUC {blind}. The attack adds {difference} to it ({range}).",
    ),
    (
        "beside.positive",
        "Contrôle positif à {level} : sur {models} modèles de référence aux données connues, l’attaque désigne les membres {excess} plus souvent que les autres ; une fuite de {dose} y est vue dans {detected} des audits simulés.",
        "Positive control at {level}: on {models} reference models with known data, the attack points at members {excess} more often than at others; a leak of {dose} is seen in {detected} of the simulated audits.",
    ),
    (
        "beside.positive.none",
        "Contrôle positif à {level} : sur {models} modèles de référence aux données connues, l’attaque désigne les membres {excess} plus souvent que les autres, trop peu pour y mesurer l’écart déclaré important.",
        "Positive control at {level}: on {models} reference models with known data, the attack points at members {excess} more often than at others, too little to measure the difference that was declared to matter.",
    ),
    (
        "beside.anytime.leak",
        "À {level}, un audit au fil des questions aurait pu s’arrêter sur une fuite à la {after}e des {n} questions, sans rien perdre de sa rigueur (valeur e).",
        "At {level}, an audit that looks after every question could have stopped at a leak with question {after} of {n}, and lost nothing of its rigour (e-value).",
    ),
    (
        "beside.anytime.absence",
        "À {level}, un audit au fil des questions aurait pu s’arrêter sans fuite qui compte à la {after}e des {n} questions (valeur e).",
        "At {level}, an audit that looks after every question could have stopped without a leak that matters with question {after} of {n} (e-value).",
    ),
    (
        "beside.anytime.open",
        "À {level}, un audit au fil des questions ne conclurait pas en {n} questions (valeur e).",
        "At {level}, an audit that looks after every question would not conclude within {n} questions (e-value).",
    ),
    (
        "beside.inferable",
        "Membres qu’un attaquant pourrait nommer en se trompant au plus {rate} du temps, parmi une population comptant {prior} de membres : {n}.",
        "Members that an attacker could name while being wrong at most {rate} of the time, in a population with {prior} members: {n}.",
    ),
    (
        "beside.inferable.models",
        "Les mêmes, si chaque unité est comparée à elle-même sous des modèles de référence entraînés sans elle ({rate} d’erreur, {prior} de membres) : {n}.",
        "The same where each unit is compared with itself under reference models fitted without it ({rate} wrong, {prior} members): {n}.",
    ),
    (
        "beside.procedure",
        "Audit de la procédure d’entraînement, et non de ce modèle : sur {models} modèles de référence pris tour à tour pour cible, AUC moyenne {auc} ({range}){levels}.",
        "Audit of the training procedure, not of this model: over {models} reference models in the target’s place in turn, mean AUC {auc} ({range}){levels}.",
    ),
    (
        "beside.procedure.level",
        " ; {tpr} des membres reconnus à {level} ({range})",
        "; {tpr} of the members recognised at {level} ({range})",
    ),
    (
        "beside.heuristic",
        "Heuristique, sans garantie : {figure}, avec un plafond de {ceiling}. C’est ce que la théorie de la confidentialité différentielle (δ = {delta}) tirerait des taux au niveau de {level} si chaque unité comptée était un entraînement à part. Aucun tirage au sort engagé d’avance n’a désigné les membres : ce chiffre ne borne pas ε.",
        "Heuristic, no guarantee: {figure}, with a ceiling of {ceiling}. It is what the theory of differential privacy (δ = {delta}) would make of the rates at the level of {level} if every unit counted were a training run of its own. No coins committed to in advance drew the members: this figure does not bound ε.",
    ),
    ("test.epsilon", "Borne inférieure sur ε (canaris)", "Lower bound on ε (canaries)"),
    ("test.epsilon.method", "Méthode", "Method"),
    ("test.epsilon.bound", "ε vaut au moins", "ε is at least"),
    ("test.epsilon.ceiling", "Plafond, si tous les paris étaient justes", "Ceiling, were all guesses right"),
    (
        "test.epsilon.one_run",
        "Nombre de paris justes (Steinke et al., 2023)",
        "Number of right guesses (Steinke et al., 2023)",
    ),
    (
        "test.epsilon.curve",
        "Courbe entière (Mahloujifar et al., 2025)",
        "Whole curve (Mahloujifar et al., 2025)",
    ),
    (
        "test.epsilon.gaussian",
        "Sous l’hypothèse, que rien ne vérifie, d’un bruit gaussien : µ ≥ {mu}",
        "If the noise is Gaussian, an assumption that nothing checks: µ ≥ {mu}",
    ),
    ("test.epsilon.canaries", "Canaris (m)", "Canaries (m)"),
    ("test.epsilon.guesses", "Paris (r)", "Guesses (r)"),
    (
        "test.epsilon.guesses.value",
        "{n} : {inside} « dedans » pour les scores les plus hauts, {outside} « dehors » pour les plus bas ({rule})",
        "{n}: {inside} “in” for the highest scores, {outside} “out” for the lowest ({rule})",
    ),
    ("test.epsilon.rule.declared", "nombre fixé par le manifeste", "number fixed by the manifest"),
    (
        "test.epsilon.rule.tenth",
        "un dixième des canaris, règle fixée d’avance",
        "a tenth of the canaries, a rule fixed in advance",
    ),
    ("test.epsilon.right", "Paris justes (v)", "Right guesses (v)"),
    ("test.epsilon.delta", "δ", "δ"),
    ("test.epsilon.delta.default", "{delta} (faute de δ déclaré)", "{delta} (no δ is declared)"),
    (
        "test.epsilon.confidence",
        "Confiance, toutes les bornes de l’audit ensemble",
        "Confidence, all bounds of the audit together",
    ),
    ("test.epsilon.claim", "ε revendiqué", "Claimed ε"),
    (
        "epsilon.refuted",
        "La confidentialité différentielle revendiquée, ε ≤ {claim} pour δ = {delta}, est réfutée : ε vaut au moins {bound}, avec une confiance de {confidence}.",
        "The claimed differential privacy, ε ≤ {claim} at δ = {delta}, is refuted: ε is at least {bound}, with a confidence of {confidence}.",
    ),
    (
        "epsilon.beyond",
        "L’ε revendiqué, {claim}, ne pouvait pas être réfuté : même tous justes, {guesses} paris ne montrent pas plus de {ceiling}.",
        "The claimed ε, {claim}, could not have been refuted: even all right, {guesses} guesses show no more than {ceiling}.",
    ),
    (
        "epsilon.open",
        "L’ε revendiqué, {claim}, n’est pas réfuté, ce qui ne le confirme pas.",
        "The claimed ε, {claim}, is not refuted, which does not confirm it.",
    ),
    (
        "epsilon.nothing",
        "Trop peu de canaris : même tous justes, {guesses} paris ne permettraient de rien conclure sur ε.",
        "Too few canaries: even all right, {guesses} guesses would allow no conclusion about ε.",
    ),
    (
        "reading.epsilon",
        "Pour chaque canari, un tirage au sort équitable a décidé avant l’entraînement s’il y servirait. L’attaque parie sur ces tirages ; sous confidentialité différentielle, trop de paris ne peuvent être justes. ε s’entend pour l’ajout ou le retrait d’une unité comptée. Une petite borne n’est pas une garantie : aucune ne dépasse son plafond, et une autre attaque peut trouver plus. Que l’engagement date d’avant l’entraînement, seul peut en témoigner qui le détient depuis.",
        "For each canary a fair coin decided before training whether it would be used. The attack guesses at these coins; under differential privacy too many guesses cannot be right. ε is for adding or removing one unit counted. A small bound is no guarantee: none exceeds its ceiling, and another attack may find more. That the commitment is older than the training, only who has held it since can bear witness to.",
    ),
    ("test.parts", "Par partie des données", "By part of the data"),
    ("test.part.value", "Partie", "Part"),
    ("test.part.small", "moins de 10", "under 10"),
    ("test.interval", "Intervalle à {confidence}", "{confidence} interval"),
    ("attribute.leak", "Ce qui est une fuite et ce qui n’en est pas une", "What is a leak and what is none"),
    (
        "reading.attribute",
        "Deviner juste ne suffit pas. Ce qui va avec un attribut dans la population se devine de n’importe qui, même de qui le modèle n’a jamais vu : c’est un savoir sur la population, et non une fuite. Seul compte ce que le modèle apporte chez les membres et non chez les non-membres.",
        "A right guess is not enough. What goes with an attribute in the population can be guessed of anybody, even of those whom the model never saw: that is knowledge about a population, and no leak. What counts is what the model adds for members and not for non-members.",
    ),
    (
        "reading.net",
        "Part de réponses justes de l’attaque moins celle de qui devine sans le modèle, chez les membres, moins la même différence chez les non-membres ; en points, c’est-à-dire en centièmes. Intervalles : unités tirées au sort de nouveau. Valeur p : qui est membre est redistribué au hasard. Ajustement : Holm, sur tous les tests de l’audit.",
        "The attack’s share of right guesses minus that of whoever guesses without the model, among members, minus the same difference among non-members; in points, that is, hundredths. Intervals: units drawn again. p-value: who is a member is dealt out again by chance. Adjustment: Holm, over all tests of the audit.",
    ),
    (
        "reading.arms",
        "Losange plein : l’attaque, avec le modèle. Cercle : qui devine sans le modèle, d’après tout ce que l’on sait d’autre de l’enregistrement. Trait épais : qui répond toujours la valeur la plus fréquente ; dans un cadre à part, il est hors échelle. Traits fins : intervalles à {confidence}. Au-dessus de l’attaque : ce qu’elle ajoute à qui devine sans le modèle, en points. L’échelle ne part pas de zéro.",
        "Full diamond: the attack, with the model. Circle: whoever guesses without the model, from everything else that is known about the record. Thick line: whoever always names the most frequent value; in a frame of its own it is off the scale. Thin lines: intervals at {confidence}. Above the attack: what it adds to guessing without the model, in points. The scale does not start at zero.",
    ),
    (
        "reading.attribute.arms",
        "La moyenne géométrique est celle des parts de réponses justes, valeur par valeur ; la corrélation est celle de Matthews entre réponses et vérité. Ni l’une ni l’autre ne récompense qui répond toujours la valeur la plus fréquente : toutes deux sont alors de 0.",
        "The geometric mean is that of the shares of right guesses, value by value; the correlation is Matthews’s, of guesses and truth. Neither rewards whoever always names the most frequent value: both are 0 then.",
    ),
    (
        "reading.attribute.numbers",
        "La part de réponses justes de l’attaque est comparée entre membres et non-membres (avantage individuel), puis à celle de qui devine sans le modèle (test exact de McNemar). Une réponse est d’autant plus sûre que la meilleure valeur devance la deuxième. Le risque résiduel est ce que l’attaque réussit chez les membres au-delà de ce qu’elle réussit chez les non-membres, en part de ce qui restait à réussir. L’effet individuel compare, pour un même enregistrement, des modèles de référence entraînés avec lui et sans lui.",
        "The attack’s share of right guesses is compared between members and non-members (individual advantage), then with that of whoever guesses without the model (McNemar’s exact test). A guess is the surer, the further the best value is ahead of the second. The residual risk is what the attack achieves on members beyond what it achieves on non-members, as a part of what was left to achieve. The individual effect compares, for one record, reference models fitted with it and without it.",
    ),
    ("attribute.part.share", "Membres devinés juste", "Members guessed right"),
    ("attribute.arms", "Réponses justes", "Right guesses"),
    ("attribute.who", "Qui devine", "Who guesses"),
    ("attribute.share", "Part", "Share"),
    ("attribute.g_mean", "Moyenne géométrique", "Geometric mean"),
    ("attribute.correlation", "Corrélation", "Correlation"),
    ("arm.attack", "L’attaque, avec le modèle", "The attack, with the model"),
    ("arm.imputation", "Sans le modèle", "Without the model"),
    ("arm.prior", "Toujours la valeur la plus fréquente", "Always the most frequent value"),
    ("attribute.numbers", "Écarts", "Differences"),
    (
        "attribute.upper",
        "Borne supérieure de l’écart net (au seuil de {alpha})",
        "Upper bound on the net difference (at the level of {alpha})",
    ),
    (
        "attribute.detectable",
        "Plus petit écart net décelable (probabilité {power})",
        "Smallest detectable net difference (probability {power})",
    ),
    (
        "attribute.advantage",
        "Avantage individuel : l’attaque, membres moins non-membres",
        "Individual advantage: the attack, members minus non-members",
    ),
    (
        "attribute.gain.members",
        "Membres : attaque moins réponses sans le modèle",
        "Members: attack minus guesses without the model",
    ),
    (
        "attribute.gain.others",
        "Non-membres : attaque moins réponses sans le modèle",
        "Non-members: attack minus guesses without the model",
    ),
    (
        "attribute.gain.records",
        "Enregistrements pour lesquels seule l’attaque a raison : {wins} ; seules les réponses sans le modèle : {losses} (McNemar, {p})",
        "Records on which the attack alone is right: {wins}; the guesses without the model alone: {losses} (McNemar, {p})",
    ),
    (
        "attribute.surest",
        "Justes parmi les {k} réponses les plus sûres",
        "Right among the {k} surest guesses",
    ),
    (
        "attribute.surest.members",
        "Membres : {rate} ; sans le modèle : {without}",
        "Members: {rate}; without the model: {without}",
    ),
    (
        "attribute.surest.others",
        "Non-membres : {rate} ; sans le modèle : {without}",
        "Non-members: {rate}; without the model: {without}",
    ),
    ("attribute.residual", "Risque résiduel", "Residual risk"),
    (
        "attribute.individual",
        "Effet individuel, sur des modèles de référence",
        "Individual effect, on reference models",
    ),
    (
        "attribute.individual.units",
        "Modèles : {models} ; {unit} comparés avec et sans : {units}",
        "Models: {models}; {unit} compared with and without: {units}",
    ),
    ("attribute.facts", "Ce qui a été deviné, et par qui", "What was guessed, and by whom"),
    ("attribute.name", "Attribut", "Attribute"),
    ("attribute.candidates", "Valeurs possibles", "Possible values"),
    ("attribute.candidates.value", "{n} ({scale})", "{n} ({scale})"),
    ("scale.nominal", "sans ordre", "without an order"),
    ("scale.ordinal", "ordonnées", "in an order"),
    ("scale.continuous", "tranches d’un nombre", "ranges of a number"),
    ("attribute.tolerance", "Réponses comptées justes", "Guesses that count as right"),
    ("attribute.tolerance.one", "à {n} rang près", "up to {n} place off"),
    ("attribute.tolerance.many", "à {n} rangs près", "up to {n} places off"),
    ("attribute.twins", "Doublons dans la population", "Duplicates in the population"),
    (
        "attribute.twins.value",
        "{n}, égaux à un enregistrement audité et déclarés d’autres personnes",
        "{n}, equal to an audited record and declared to be other persons",
    ),
    ("attribute.left_out", "Enregistrements laissés de côté", "Records left out"),
    (
        "attribute.left_out.value",
        "{n} (valeur absente ou imprévue, ou non tirés au sort)",
        "{n} (value missing or none of the possible ones, or not drawn)",
    ),
    ("attribute.imputer", "Qui devine sans le modèle", "Who guesses without the model"),
    (
        "attribute.imputer.value",
        "{attack}, qui a appris de {rows} enregistrements ; le modèle, de {target_rows} membres au moins",
        "{attack}, which learned from {rows} records; the model, from at least {target_rows} members",
    ),
    ("attribute.permutations", "Permutations tirées", "Permutations drawn"),
    (
        "beside.attribute.positive",
        "Contrôle positif : sur {models} modèles de référence aux données connues, l’écart net est de {net} ; le plus petit qui compte y est vu dans {detected} des audits simulés.",
        "Positive control: on {models} reference models with known data, the net difference is {net}; the smallest one that matters is seen in {detected} of the simulated audits.",
    ),
    (
        "beside.attribute.positive.none",
        "Contrôle positif : sur {models} modèles de référence aux données connues, l’écart net est de {net}, trop peu pour y mesurer celui qui est déclaré important.",
        "Positive control: on {models} reference models with known data, the net difference is {net}, too little to measure the one that was declared to matter.",
    ),
    ("inversion.three", "Des personnes, une moyenne ou rien", "Persons, an average, or nothing"),
    (
        "reading.inversion",
        "Que l’on reconnaisse une classe dans ce qui a été reconstitué ne montre rien d’une personne : la moyenne de la classe se reconnaît aussi bien, et n’est personne. Ce qui compte est que ce qui a été reconstitué soit plus proche de données d’entraînement que d’autres données de la même classe, que le modèle n’a jamais vues ; ou, là où chaque classe est une personne, que de telles données permettent de la reconnaître parmi les autres.",
        "That a class is recognised in what was rebuilt shows nothing of a person: the average of the class is recognised as well, and is nobody. What counts is whether what was rebuilt lies nearer to training data than to other records of the same class, which the model never saw; or, where each class is a person, whether such records tell that person from the others.",
    ),
    (
        "reading.nearest",
        "Dans chaque classe, autant de membres que de non-membres sont tirés au sort ; la classe compte si le plus proche de ce qui a été reconstitué est un membre (entre des données aussi proches, le sort décide). Un modèle qui ne dit rien de ses membres en donnerait la moitié. Test binomial exact. Ajustement : Holm, sur tous les tests de l’audit.",
        "In each class as many members as non-members are drawn by chance; the class counts where the one nearest to what was rebuilt is a member (between equally near records, chance decides). A model that says nothing of its members would give half. Exact binomial test. Adjustment: Holm, over all tests of the audit.",
    ),
    (
        "reading.rebuilt",
        "Losange plein : l’attaque. Cercle : la même, sans rien qui rende plausible ce qu’elle reconstitue. Trait épais : la moyenne de la classe, ce que vaut toute moyenne reconnaissable. Traits fins : intervalles exacts à {confidence}, sur les classes. Pointillé : ce que donnerait le hasard.",
        "Full diamond: the attack. Circle: the same without anything that makes what it rebuilds plausible. Thick line: the mean of the class, what any recognisable average comes to. Thin lines: exact intervals at {confidence}, over classes. Dotted: what chance would give.",
    ),
    (
        "reading.inversion.arms",
        "Une reconstitution par classe : celle dont l’attaque est elle-même la plus sûre. La part des départs n’est qu’une description. La distance est celle du membre le plus proche, au carré ; 1 est la moyenne entre deux membres d’une même classe. La moyenne des membres seuls est plus proche d’eux que des autres sans être aucun d’eux : une attaque qui ne fait pas mieux a pu ne retrouver que ce qu’ils ont en commun, et que d’autres n’ont pas.",
        "One rebuilt input per class: the one that the attack itself is surest of. The share of starts only describes. The distance is that to the nearest member, squared; 1 is the mean between two members of a class. The mean of the members alone is nearer to them than to others without being any of them: an attack that does no better may have found no more than what they have in common, and others have not.",
    ),
    (
        "inversion.sample",
        "Classes visées : {classes} ; reconstitutions : {rebuilt} ; classes comparées, ayant membres et non-membres : {compared}.",
        "Classes aimed at: {classes}; inputs rebuilt: {rebuilt}; classes compared, with members and non-members: {compared}.",
    ),
    ("inversion.outcome", "Reconstitué : {what}.", "Rebuilt: {what}."),
    (
        "inversion.outcome.members",
        "des traits des données d’entraînement elles-mêmes, d’une ou de plusieurs, et non de leur seule classe",
        "traits of the training records themselves, of one or of several, and not of their class alone",
    ),
    (
        "inversion.outcome.persons",
        "des personnes, que l’on distingue les unes des autres",
        "persons, who can be told apart",
    ),
    (
        "inversion.outcome.average",
        "la moyenne d’une classe, qui n’est personne",
        "the average of a class, which is nobody",
    ),
    (
        "inversion.outcome.average.persons",
        "ce qu’un évaluateur rattache à la bonne personne, peut-être une simple moyenne",
        "what an evaluator assigns to the right person, perhaps a mere average",
    ),
    ("inversion.outcome.nothing", "rien de reconnaissable", "nothing recognisable"),
    (
        "inversion.outcome.open",
        "indéterminé (des personnes, une moyenne ou rien)",
        "undetermined (persons, an average, or nothing)",
    ),
    ("inversion.arms", "Ce qui a été reconstitué", "What was rebuilt"),
    ("inversion.arm", "Comment", "How"),
    ("inversion.arm.attack", "L’attaque", "The attack"),
    ("inversion.arm.unregularised", "Sans régularisation", "Without regularisation"),
    ("inversion.arm.average", "La moyenne de la classe", "The mean of the class"),
    (
        "inversion.arm.members_average",
        "La moyenne des membres de la classe",
        "The mean of the members of the class",
    ),
    ("inversion.recognised", "Classe reconnue", "Class recognised"),
    ("inversion.recognised_in_five", "Parmi les cinq plus probables", "Among the five likeliest"),
    ("inversion.starts", "Part des départs reconnus", "Share of starts recognised"),
    ("inversion.distance", "Distance au membre le plus proche", "Distance to the nearest member"),
    ("inversion.recall.members", "Mots d’un membre retrouvés", "Words of a member found again"),
    ("inversion.recall.others", "D’un non-membre", "Of a non-member"),
    ("inversion.recall.difference", "Différence", "Difference"),
    (
        "inversion.recall",
        "Mots retrouvés : dans chaque classe, la plus grande part des mots d’un même texte qui figure dans ce qui a été reconstitué, parmi les membres comparés, puis parmi autant de non-membres, qui disent ce que tout texte de la classe y retrouverait ; moyennes sur les classes, intervalles sur les classes. La « moyenne » d’une classe de textes, ce sont ses mots les plus fréquents.",
        "Words found again: of each class the greatest share of one text’s words that stands in what was rebuilt, among the members compared, then among as many non-members, which say what any text of the class would find there; means over classes, intervals over classes. The “mean” of a class of texts is its commonest words.",
    ),
    (
        "inversion.units",
        "L’unité est la classe : plusieurs départs dans une même classe ne sont pas des échantillons, et n’ajoutent rien à la certitude. Même 10 classes sur 10 ne permettent d’affirmer que « au moins 69 % » (intervalle exact à 95 %).",
        "The unit is the class: several starts of one class are no samples and add no certainty. Even 10 of 10 classes support only “at least 69%” (exact 95% interval).",
    ),
    ("inversion.numbers", "Autres mesures", "Other figures"),
    (
        "inversion.drawn",
        "Classes où des membres et d’autres sont aussi proches, et où le sort a décidé",
        "Classes in which members and others are equally near, and chance decided",
    ),
    (
        "inversion.permutation",
        "Probabilité qu’un membre soit plus proche qu’un non-membre (hasard : ½)",
        "Probability that a member is nearer than a non-member (chance: ½)",
    ),
    (
        "inversion.permutation.p",
        "Qui est membre, redistribué au hasard dans chaque classe : {p}",
        "Who is a member, dealt out again by chance within each class: {p}",
    ),
    (
        "inversion.identified",
        "Classe reconnue (rang 1) d’après des données que le modèle n’a jamais vues",
        "Class identified (rank 1) by records that the model never saw",
    ),
    (
        "inversion.identified.chance",
        "Hasard : {chance}, une classe sur {among} ; test binomial exact : {p}",
        "Chance: {chance}, one class of {among}; exact binomial test: {p}",
    ),
    ("inversion.identified.control", "Prises pour une classe témoin : {n}", "Taken for a control class: {n}"),
    (
        "inversion.identified.classes",
        "Une classe n’est pas ici une personne : la reconnaître n’est pas reconnaître quelqu’un.",
        "A class is no person here: to tell it is not to tell who somebody is.",
    ),
    (
        "inversion.nearer",
        "Classes où l’attaque s’approche plus d’un membre que sans régularisation",
        "Classes in which the attack comes nearer to a member than without regularisation",
    ),
    ("inversion.nearer.value", "{wins} ; l’inverse : {losses}", "{wins}; the other way round: {losses}"),
    ("inversion.nearer.p", "Test des signes : {p}", "Sign test: {p}"),
    (
        "inversion.detectable",
        "Plus petite part de classes décelable (probabilité {power})",
        "Smallest detectable share of classes (probability {power})",
    ),
    ("inversion.facts", "Ce qui a été visé, et qui en juge", "What was aimed at, and who judges it"),
    ("inversion.classes", "Classes visées", "Classes aimed at"),
    ("inversion.classes.persons", "{n} ; chaque classe est une personne", "{n}; each class is a person"),
    ("inversion.gallery_size", "Données comparées, par classe", "Records compared, per class"),
    (
        "inversion.gallery_size.value",
        "{n} membres et autant de non-membres",
        "{n} members and as many non-members",
    ),
    (
        "inversion.control_classes",
        "Classes témoins, que le modèle n’a jamais apprises",
        "Control classes, which the model never learned",
    ),
    (
        "inversion.control_classes.recognised",
        "{n} ; ce qui a été reconstitué pour elles est pris pour la classe visée : {rate}, intervalle à {confidence} : {range}",
        "{n}; what was rebuilt for them is taken for the class aimed at: {rate}, {confidence} interval: {range}",
    ),
    ("inversion.evaluator", "Évaluateur indépendant", "Independent evaluator"),
    (
        "inversion.evaluator.value",
        "{name} ; réponses justes : {members} des membres, {others} des non-membres",
        "{name}; right answers: {members} of members, {others} of non-members",
    ),
    (
        "inversion.evaluator.none",
        "aucun : ce qui a été reconstitué n’est comparé que par ses valeurs ou ses mots",
        "none: what was rebuilt is compared by its values or words only",
    ),
    ("inversion.evaluator.fingerprint", "Empreinte de l’évaluateur", "Fingerprint of the evaluator"),
    ("inversion.features", "Ressemblance mesurée sur", "Likeness measured on"),
    (
        "inversion.features.values",
        "les {n} valeurs d’une entrée, une à une : l’évaluateur ne fait que reconnaître",
        "the {n} values of an input, one by one: the evaluator recognises only",
    ),
    (
        "inversion.features.tokens",
        "les {n} jetons (mots ou parties de mots) des textes, quel que soit leur ordre : l’évaluateur ne fait que reconnaître",
        "the {n} tokens (words or parts of words) of the texts, whatever their order: the evaluator recognises only",
    ),
    (
        "inversion.features.value",
        "{n} nombres que l’évaluateur dit d’une entrée",
        "{n} numbers that the evaluator says of an input",
    ),
    ("inversion.endings", "Fin des recherches", "How the searches ended"),
    ("inversion.ending", "{name} : {n}", "{name}: {n}"),
    ("ending.reached", "but atteint", "goal reached"),
    ("ending.settled", "ne progresse plus", "no further progress"),
    ("ending.spent", "toutes les étapes faites", "all steps taken"),
    ("ending.lost", "réponses qui ne sont plus des nombres", "answers that are no numbers any more"),
    ("ending.cut", "interrompue", "cut short"),
    ("inversion.partial", "Recherche complète", "Complete search"),
    (
        "inversion.partial.value",
        "non : interrompue avant son terme, l’attaque aurait pu trouver plus",
        "no: cut short, the attack might have found more",
    ),
    ("inversion.gallery", "Images de ce qui a été reconstitué", "Pictures of what was rebuilt"),
    (
        "inversion.gallery.alt",
        "Ce qui a été reconstitué, une colonne par classe",
        "What was rebuilt, a column per class",
    ),
    (
        "inversion.gallery.caption",
        "De haut en bas : {rows}. De gauche à droite, les classes : {classes}.",
        "From top to bottom: {rows}. From left to right, the classes: {classes}.",
    ),
    ("inversion.gallery.blurred", "L’image est floutée.", "The picture is blurred."),
    ("inversion.gallery.sharp", "L’image n’est pas floutée.", "The picture is not blurred."),
    (
        "inversion.gallery.warning",
        "Elle peut montrer des personnes : elle est à traiter comme une donnée personnelle.",
        "It may show persons: treat it as personal data.",
    ),
    (
        "inversion.gallery.invalid",
        "L’image jointe n’est pas un PNG bien codé : elle n’est pas affichée.",
        "The picture enclosed is no well-encoded PNG: it is not shown.",
    ),
    ("inversion.texts", "Mots de ce qui a été reconstitué", "Words of what was rebuilt"),
    ("inversion.texts.class", "Classe {class}", "Class {class}"),
    (
        "inversion.texts.masked",
        "Masqués : de chaque mot figure au plus la première lettre.",
        "Masked: of each word the first letter at the most is shown.",
    ),
    (
        "inversion.texts.clear",
        "En clair : au plus 20 classes et 200 mots par texte, un mot trop long étant coupé.",
        "In clear: at most 20 classes and 200 words of a text, a word that is too long being cut.",
    ),
    (
        "inversion.texts.warning",
        "Ils peuvent venir de textes qui parlent de personnes : ils sont à traiter comme des données personnelles.",
        "They may come from texts about persons: treat them as personal data.",
    ),
    ("test.exposed", "Les plus exposés, par pseudonyme aléatoire", "The most exposed, by random pseudonym"),
    ("test.pseudonym", "Pseudonyme", "Pseudonym"),
    ("test.score", "Score", "Score"),
    ("test.p.conformal", "Valeur p conforme", "Conformal p-value"),
    (
        "test.exposed.note",
        "La clé des pseudonymes est un fichier à part, lisible par son seul propriétaire. Aucune décision individuelle ne doit reposer sur cette liste.",
        "The key to the pseudonyms is a separate file that only its owner can read. No decision about a person may rest on this list.",
    ),
    ("statistic.auc", "Aire sous la courbe (AUC)", "Area under the curve (AUC)"),
    (
        "statistic.tpr",
        "Membres reconnus à {level} de fausses alarmes",
        "Members recognised at {level} false alarms",
    ),
    (
        "statistic.tpr.same_data",
        "Membres reconnus à {level} (seuil lu sur les mêmes données)",
        "Members recognised at {level} (threshold read off the same data)",
    ),
    ("statistic.net", "Écart net", "Net difference"),
    ("statistic.net.points", "Écart net, en points", "Net difference, in points"),
    ("statistic.nearest", "La donnée la plus proche est un membre", "The nearest record is a member"),
    ("statistic.identified", "Personne reconnue parmi les autres", "Person told from the others"),
    ("slice.class", "Classe", "Class"),
    ("slice.correctness", "Réponse du modèle", "The model’s answer"),
    ("slice.correctness.correct", "juste", "right"),
    ("slice.correctness.wrong", "fausse", "wrong"),
    ("slice.group", "Groupe déclaré", "Declared group"),
    ("control.rank", "par rang", "by rank"),
    ("control.student", "test prédictif de Student", "Student’s predictive test"),
    ("identity.title", "Attaque et coût", "Attack and cost"),
    ("identity.attack", "Nom et version", "Name and version"),
    ("identity.family", "Famille", "Family"),
    ("identity.paper", "Source scientifique", "Paper"),
    ("identity.origin", "Provenance du code", "Origin of the code"),
    ("identity.signals", "Signaux lus", "Signals read"),
    ("identity.cost", "Coût", "Cost"),
    (
        "identity.cost.value",
        "Enregistrements demandés au modèle : {asked} ; modèles de référence : {references}.",
        "Records asked of the model: {asked}; reference models: {references}.",
    ),
    ("identity.formula", "Score", "Score"),
    ("identity.files", "Fichiers dont dépend le résultat", "Files that decide the result"),
    ("identity.parameters", "Paramètres", "Parameters"),
    (
        "score.summary",
        "Les scores viennent d’un autre outil. Si les membres obtiennent des scores plus élevés que les non-membres, cet outil reconnaît des données d’entraînement.",
        "The scores come from another tool. If members score higher than non-members, that tool recognises training data.",
    ),
    ("control.sentence.one", "{p} face à {n} modèle ({method}).", "{p} against {n} model ({method})."),
    ("control.sentence.many", "{p} face à {n} modèles ({method}).", "{p} against {n} models ({method})."),
    // Figures.
    ("figure.unrelated.title", "Contrôle : modèles sans rapport", "Control: unrelated models"),
    ("figure.unrelated.target", "modèle audité {value}", "audited model {value}"),
    (
        "figure.unrelated.description",
        "{statistic}, pour {n} modèles sans rapport : de {lower} à {upper} ; modèle audité : {target}.",
        "{statistic}, for {n} unrelated models: from {lower} to {upper}; audited model: {target}.",
    ),
    ("figure.empty", "Aucune donnée à tracer", "Nothing to draw"),
    (
        "figure.arms.title",
        "Réponses justes, avec et sans le modèle",
        "Right guesses, with and without the model",
    ),
    ("figure.arms.attack", "avec le modèle", "with the model"),
    ("figure.arms.imputation", "sans le modèle", "without the model"),
    ("figure.arms.prior", "la plus fréquente", "the most frequent"),
    ("figure.arms.net", "écart net : {net} ({range})", "net difference: {net} ({range})"),
    (
        "figure.arms.side",
        "{side} – avec le modèle : {attack} ; sans le modèle : {imputation} ; toujours la valeur la plus fréquente : {prior}.",
        "{side} – with the model: {attack}; without the model: {imputation}; always the most frequent value: {prior}.",
    ),
    ("figure.rebuilt.title", "Reconnu, et plus proche d’un membre", "Recognised, and nearest to a member"),
    ("figure.rebuilt.attack", "attaque", "attack"),
    ("figure.rebuilt.unregularised", "sans régularisation", "without regularisation"),
    ("figure.rebuilt.average", "moyenne de la classe", "mean of the class"),
    ("figure.rebuilt.recognised", "Classe reconnue", "Class recognised"),
    ("figure.rebuilt.nearest", "Plus proche : un membre", "Nearest: a member"),
    ("figure.rebuilt.chance", "hasard : {chance}", "chance: {chance}"),
    ("figure.rebuilt.unseen", "faute d’évaluateur", "no evaluator"),
    (
        "figure.rebuilt.panel",
        "{panel} – attaque : {attack} ; sans régularisation : {unregularised} ; moyenne de la classe : {average} ; hasard : {chance}.",
        "{panel} – attack: {attack}; without regularisation: {unregularised}; mean of the class: {average}; chance: {chance}.",
    ),
    (
        "figure.differences.parts",
        "Écart net par partie des données, en points",
        "Net difference by part of the data, in points",
    ),
    (
        "figure.differences.tests",
        "Écart net des tests d’attribut, en points",
        "Net difference of the tests on attributes, in points",
    ),
    (
        "figure.differences.caption",
        "Losange : écart net, avec son intervalle de confiance. Pointillé : aucun écart. À droite du pointillé, le modèle aide à deviner les membres plus que les non-membres.",
        "Diamond: net difference, with its confidence interval. Dotted: no difference. To the right of it, the model helps with members more than with non-members.",
    ),
    (
        "figure.rebuilt.tests",
        "Part des classes dont le plus proche est un membre : au-delà de la moitié, en points",
        "Share of classes whose nearest is a member: above one half, in points",
    ),
    (
        "figure.rebuilt.tests.caption",
        "Losange : la part, moins la moitié, avec son intervalle exact, sur les classes. Pointillé : la moitié, ce que donne un modèle qui ne dit rien de ses membres.",
        "Diamond: the share less one half, with its exact interval, over classes. Dotted: one half, what a model gives that says nothing of its members.",
    ),
    (
        "figure.rates.title",
        "Part des membres reconnus et part des non-membres désignés à tort",
        "Share of members recognised and share of non-members wrongly pointed at",
    ),
    (
        "figure.rates.members",
        "Membres reconnus : {hits} sur {trials}",
        "Members recognised: {hits} of {trials}",
    ),
    (
        "figure.rates.others",
        "Non-membres désignés à tort : {hits} sur {trials}",
        "Non-members wrongly pointed at: {hits} of {trials}",
    ),
    (
        "figure.comparison.title",
        "Tests comparés au niveau de {level} de fausses alarmes",
        "Tests compared at the level of {level} false alarms",
    ),
    (
        "figure.comparison.caption",
        "Point : part des membres reconnus au seuil fixé pour {level} de fausses alarmes, avec son intervalle de confiance. Cercle : fausses alarmes mesurées. Pointillé : ce que donnerait le hasard.",
        "Dot: share of members recognised at the threshold fixed for {level} false alarms, with its confidence interval. Circle: false alarms measured. Dotted: what chance would give.",
    ),
    ("figure.roc.title", "Courbe ROC, échelles logarithmiques", "ROC curve, logarithmic scales"),
    (
        "figure.roc.description",
        "Aire sous la courbe : {auc}. Bande simultanée à {confidence}. Sous {resolved} de fausses alarmes, l’échantillon ne permet rien de dire.",
        "Area under the curve: {auc}. Simultaneous band at {confidence}. Below {resolved} false alarms the sample supports no statement.",
    ),
    ("figure.roc.x", "Fausses alarmes (FPR)", "False alarms (FPR)"),
    ("figure.roc.y", "Membres reconnus (TPR)", "Members recognised (TPR)"),
    ("figure.roc.unresolved", "hors de portée", "out of reach"),
    ("figure.histogram.title", "Répartition des scores", "Distribution of scores"),
    (
        "figure.histogram.description",
        "Scores des membres et des non-membres, de {lower} à {upper} ; hors cadre : {outside}.",
        "Scores of members and non-members, from {lower} to {upper}; beyond the frame: {outside}.",
    ),
    ("figure.histogram.x", "Score de l’attaque", "Score of the attack"),
    // Context.
    ("context.title", "Cadre légal et contexte déclaré", "Legal frame and declared context"),
    (
        "context.note",
        "Repris du manifeste de l’audit, sans vérification ni déduction. Une question sans réponse porte la mention « non déclaré ». Les coordonnées ne figurent pas dans ce rapport.",
        "Taken from the audit’s manifest, neither checked nor guessed. A question without an answer is marked “not declared”. Contact details are not printed in this report.",
    ),
    (
        "context.none",
        "Aucun manifeste n’accompagne ces scores : le cadre légal du test et le contexte ne sont pas déclarés.",
        "No manifest comes with these scores: the legal frame of the test and the context are not declared.",
    ),
    ("target.title", "Modèle audité, tel que mesuré", "The audited model as measured"),
    ("target.name", "Nom", "Name"),
    ("target.adapter", "Adaptateur", "Adapter"),
    ("target.task", "Tâche", "Task"),
    ("task.classification", "classification", "classification"),
    ("task.multi_label", "plusieurs étiquettes par donnée", "several labels per record"),
    ("task.regression", "régression (valeurs réelles)", "regression (real values)"),
    ("task.embedding", "représentations", "representations"),
    ("task.reconstruction", "reconstruction de l’entrée", "reconstruction of the input"),
    ("task.generation", "génération", "generation"),
    ("task.density", "densité des données", "density of the data"),
    ("task.clustering", "regroupement (clustering)", "clustering"),
    ("target.offers", "Accès offerts", "Access offered"),
    ("target.granted", "Accès accordés à l’attaquant", "Access granted to the attacker"),
    ("target.accuracy.members", "Exactitude sur les membres", "Accuracy on members"),
    ("target.accuracy.others", "Exactitude sur les non-membres", "Accuracy on non-members"),
    (
        "target.accuracy.value",
        "{share} ({range} ; {trials} enregistrements)",
        "{share} ({range}; {trials} records)",
    ),
    ("target.accuracy.none", "non mesurée", "not measured"),
    ("target.references", "Modèles de référence utilisés", "Reference models used"),
    (
        "target.fitted_with",
        "Modèles entraînés avec un même enregistrement",
        "Models fitted with a given record",
    ),
    ("target.fitted_without", "Modèles entraînés sans lui", "Models fitted without it"),
    ("target.fitted", "Entraîné pendant l’audit, sur les membres", "Fitted within the audit, on the members"),
    (
        "target.references.fitted",
        "Modèles de référence entraînés pendant l’audit",
        "Reference models fitted within the audit",
    ),
    (
        "target.references.fitted.value",
        "{fitted} sur {asked}, chacun sur une part de {share} tirée au sort ({recipe})",
        "{fitted} of {asked}, each on a random share of {share} ({recipe})",
    ),
    ("target.references.stages", "Étapes de l’audit", "Stages of the audit"),
    (
        "target.references.stages.value",
        "jugé après {stages} modèles de référence, arrêté à {asked} ; le seuil déclaré est divisé par {looks}, le nombre d’examens prévus",
        "judged after {stages} reference models, ended at {asked}; the declared level is divided by {looks}, the number of looks planned",
    ),
    ("target.recipe.default", "réglages de l’adaptateur", "the adapter’s settings"),
    (
        "target.gap",
        "Écart d’exactitude entre données apprises et autres",
        "Gap in accuracy between records learned and others",
    ),
    (
        "target.gap.value",
        "{target} ; modèles de référence : {mean} en moyenne, de {smallest} à {largest}",
        "{target}; reference models: {mean} on average, from {smallest} to {largest}",
    ),
    ("target.loss.members", "Perte moyenne sur les membres", "Mean loss on members"),
    ("target.loss.others", "Perte moyenne sur les non-membres", "Mean loss on non-members"),
    ("target.population", "Enregistrements de la population", "Population records"),
    ("declared.legal", "Cadre légal du test", "Legal frame of the test"),
    ("declared.legal.controller", "Responsable du traitement", "Controller"),
    ("declared.legal.test_purpose", "Finalité du test", "Purpose of the test"),
    ("declared.legal.test_legal_basis", "Base légale du test", "Legal basis of the test"),
    ("declared.legal.initial_purpose", "Finalité initiale des données", "Initial purpose of the data"),
    ("declared.legal.lawfully_obtained", "Données obtenues licitement", "Data lawfully obtained"),
    (
        "declared.legal.no_individual_decision",
        "Aucune décision individuelle fondée sur le test",
        "No individual decision rests on the test",
    ),
    ("declared.legal.authorised", "Personnes habilitées", "Authorised persons"),
    ("declared.legal.environment", "Environnement du test", "Environment of the test"),
    (
        "declared.legal.dpo_opinion",
        "Avis du délégué à la protection des données",
        "Opinion of the data-protection officer",
    ),
    ("declared.legal.dpia_ref", "Référence de l’AIPD", "Reference of the DPIA"),
    ("declared.legal.retention_days", "Conservation (jours)", "Retention (days)"),
    ("declared.legal.next_review", "Prochain réexamen", "Next review"),
    ("declared.organisation", "Organisme", "Organisation"),
    ("declared.organisation.name", "Nom", "Name"),
    ("declared.organisation.sector", "Secteur", "Sector"),
    ("declared.organisation.size", "Taille", "Size"),
    ("declared.organisation.ai_expertise", "Expertise en IA", "AI expertise"),
    ("declared.organisation.motivation", "Motivation", "Motivation"),
    ("declared.data", "Données d’entraînement", "Training data"),
    ("declared.data.modality", "Nature", "Kind"),
    ("declared.data.format", "Format", "Format"),
    ("declared.data.samples", "Nombre d’exemples", "Number of examples"),
    ("declared.data.bytes", "Taille (octets)", "Size (bytes)"),
    ("declared.data.personal", "Catégories de données à caractère personnel", "Categories of personal data"),
    ("declared.data.confidential", "Autres données protégées", "Other protected data"),
    (
        "declared.data.special_categories",
        "Catégories particulières (article 9 du RGPD)",
        "Special categories (article 9 GDPR)",
    ),
    ("declared.data.training_legal_basis", "Base légale de l’entraînement", "Legal basis of the training"),
    ("declared.data.source", "Sources et origine licite", "Sources and lawful origin"),
    ("declared.data.split", "Partage entre membres et non-membres", "Split of members and non-members"),
    ("declared.data.person_id", "Colonne identifiant la personne", "Column that identifies the person"),
    ("declared.model", "Modèle", "Model"),
    ("declared.model.name", "Nom", "Name"),
    ("declared.model.architecture", "Architecture", "Architecture"),
    ("declared.model.parameters", "Nombre de paramètres", "Number of parameters"),
    ("declared.model.training", "Type d’apprentissage", "Kind of training"),
    ("declared.model.task", "Tâche", "Task"),
    ("declared.model.purpose", "Finalité", "Purpose"),
    ("declared.model.domain", "Domaine", "Domain"),
    ("declared.model.public", "Public visé", "Audience"),
    ("declared.model.anti_overfitting", "Mesures contre le surapprentissage", "Measures against overfitting"),
    ("declared.model.dp", "Confidentialité différentielle revendiquée", "Claimed differential privacy"),
    ("declared.model.release_context", "Contexte de mise à disposition", "Release context"),
    (
        "declared.model.train_accuracy",
        "Exactitude déclarée, données d’entraînement",
        "Declared accuracy, training data",
    ),
    ("declared.model.test_accuracy", "Exactitude déclarée, autres données", "Declared accuracy, other data"),
    ("declared.model.train_loss", "Perte déclarée, données d’entraînement", "Declared loss, training data"),
    ("declared.model.test_loss", "Perte déclarée, autres données", "Declared loss, other data"),
    ("declared.prior_risk", "Analyse de risque antérieure", "Earlier risk analysis"),
    ("declared.prior_risk.method", "Méthode", "Method"),
    ("declared.prior_risk.findings", "Constats", "Findings"),
    ("declared.access", "Accès de l’attaquant", "The attacker’s access"),
    ("declared.access.mode", "Mode d’accès", "Mode of access"),
    ("declared.access.signals", "Signaux accordés", "Signals granted"),
    ("declared.access.max_queries", "Nombre maximal de requêtes", "Largest number of queries"),
    ("declared.access.system_filters", "Filtres du système actifs", "System filters on"),
    ("declared.access.constraints", "Contraintes", "Constraints"),
    ("declared.shadow", "Modèles de référence déclarés", "Declared reference models"),
    ("declared.shadow.available", "Disponibles", "Available"),
    ("declared.shadow.limiting_factor", "Facteur limitant", "Limiting factor"),
    ("declared.shadow.mode", "Mode d’accès", "Mode of access"),
    ("declared.shadow.count", "Nombre", "Number"),
    ("declared.resources", "Moyens", "Resources"),
    ("declared.resources.infra", "Infrastructure", "Infrastructure"),
    ("declared.resources.gpus", "GPU", "GPUs"),
    ("declared.resources.cpu_hours_max", "Heures de processeur, au plus", "Processor hours, at most"),
    ("declared.resources.team", "Personnes", "People"),
    ("declared.resources.person_days", "Jours-personnes", "Person-days"),
    // Remedies.
    ("remedies.title", "Remèdes", "Remedies"),
    (
        "remedies.note",
        "Pistes générales. Aucune n’est une preuve : seul un nouveau test dit ce qu’elle a changé.",
        "General leads. None is proof: only a new test says what it changed.",
    ),
    ("remedy.duplicates", "Dédoublonner", "Remove duplicates"),
    (
        "remedy.duplicates.text",
        "Une donnée répétée est mémorisée bien plus facilement. Retirer les doublons exacts et proches, et vérifier les cas rares ou atypiques.",
        "A repeated record is memorised far more easily. Remove exact and near duplicates, and look at rare or unusual cases.",
    ),
    ("remedy.regularise", "Régulariser", "Regularise"),
    (
        "remedy.regularise.text",
        "Réduire l’écart entre les données d’entraînement et les autres : arrêt précoce, pénalité, extinction aléatoire de neurones (dropout), augmentation, modèle plus petit.",
        "Narrow the gap between training data and other data: early stopping, penalties, dropout, augmentation, a smaller model.",
    ),
    (
        "remedy.dp",
        "Entraîner sous confidentialité différentielle (DP-SGD)",
        "Train with differential privacy (DP-SGD)",
    ),
    (
        "remedy.dp.text",
        "La seule mesure qui borne, par démonstration, ce qu’une attaque quelconque peut apprendre d’une personne ; elle coûte en exactitude.",
        "The only measure that bounds by proof what any attack can learn about a person; it costs accuracy.",
    ),
    ("remedy.outputs", "Réduire les sorties", "Coarsen the outputs"),
    (
        "remedy.outputs.text",
        "Rendre moins d’information : la seule classe prédite, des probabilités arrondies, un nombre de requêtes limité. Des attaques sur les seules étiquettes demeurent possibles.",
        "Return less: the predicted class alone, rounded probabilities, a limited number of queries. Attacks on labels alone remain possible.",
    ),
    ("remedy.again", "Tester à nouveau", "Test again"),
    (
        "remedy.again.text",
        "Refaire le même audit, avec le même manifeste, après chaque mesure ; ajouter les familles d’attaques sans test.",
        "Run the same audit with the same manifest after each measure; add the families of attacks without a test.",
    ),
    // Provenance.
    ("provenance.title", "Provenance et vérification", "Provenance and verification"),
    (
        "provenance.note",
        "Le cœur des preuves (evidence.json) est identique pour un même manifeste, les mêmes données et le même programme. Chaque opération est inscrite dans un journal dont chaque ligne est liée à la précédente par son empreinte. Pour tout vérifier, hors ligne :",
        "The core of the evidence (evidence.json) is the same for the same manifest, data and program. Every operation stands in a journal, each line of which is bound to the one before by its hash. To check everything, offline:",
    ),
    (
        "provenance.note.scores",
        "Le cœur des preuves (evidence.json) est identique pour les mêmes scores, les mêmes réglages et le même programme ; son empreinte le scelle. Des scores seuls n’ont ni manifeste ni journal.",
        "The core of the evidence (evidence.json) is the same for the same scores, settings and program; its digest seals it. Scores alone have neither a manifest nor a journal.",
    ),
    ("provenance.tool", "Programme", "Program"),
    ("provenance.started", "Début (UTC)", "Start (UTC)"),
    ("provenance.finished", "Fin (UTC)", "End (UTC)"),
    ("provenance.hardware", "Matériel", "Hardware"),
    ("provenance.steps", "Étapes", "Steps"),
    (
        "provenance.steps.value",
        "{run} exécutées, {reused} reprises d’un calcul antérieur",
        "{run} run, {reused} taken from an earlier computation",
    ),
    ("provenance.digests", "Empreintes", "Digests"),
    ("provenance.manifest", "Manifeste (SHA-256)", "Manifest (SHA-256)"),
    ("provenance.core", "Cœur des preuves (SHA-256)", "Core of the evidence (SHA-256)"),
    ("provenance.journal", "Dernière ligne du journal", "Last line of the journal"),
    ("provenance.amendments", "Manifeste modifié en cours d’audit", "Manifest changed during the audit"),
    ("provenance.amendments.none", "jamais", "never"),
    (
        "provenance.amendments.one",
        "{n} fois ; le journal garde chaque version",
        "{n} time; the journal keeps each version",
    ),
    (
        "provenance.amendments.many",
        "{n} fois ; le journal garde chaque version",
        "{n} times; the journal keeps each version",
    ),
    ("provenance.commitment", "Engagement sur les canaris (SHA-256)", "Commitment to the canaries (SHA-256)"),
    ("provenance.data", "Données auditées (empreinte à clé)", "Audited data (keyed digest)"),
    ("provenance.target", "Modèle audité", "Audited model"),
    ("provenance.files", "Fichiers d’entrée", "Input files"),
    ("provenance.plugins", "Extensions utilisées", "Plugins used"),
    ("provenance.settings", "Réglages statistiques", "Statistical settings"),
    // Glossary.
    ("glossary.title", "Glossaire", "Glossary"),
    ("term.members", "Membres", "Members"),
    ("term.non_members", "Non-membres", "Non-members"),
    ("term.member", "Membre, non-membre", "Member, non-member"),
    (
        "term.member.text",
        "Une donnée (ou une personne) qui a servi à entraîner le modèle est un membre ; une donnée de même nature qui n’y a pas servi est un non-membre.",
        "Data (or a person) used to train the model is a member; data of the same kind that was not is a non-member.",
    ),
    ("term.mia", "Inférence d’appartenance", "Membership inference"),
    (
        "term.mia.text",
        "Attaque qui cherche à savoir si une donnée précise a servi à l’entraînement. Le savoir peut en soi révéler une information : avoir été patient d’un service, client d’une banque.",
        "An attack that tries to find out whether a given record was used in training. Knowing that can itself reveal something: having been a patient of a ward, a client of a bank.",
    ),
    ("term.tpr", "Membres reconnus (TPR)", "Members recognised (TPR)"),
    (
        "term.tpr.text",
        "Part des membres que l’attaque désigne comme membres.",
        "Share of the members that the attack points at as members.",
    ),
    ("term.fpr", "Fausses alarmes (FPR)", "False alarms (FPR)"),
    (
        "term.fpr.text",
        "Part des non-membres que l’attaque désigne à tort. Une attaque qui ne se trompe presque jamais est plus grave qu’une attaque souvent juste : on la juge donc à faible taux de fausses alarmes.",
        "Share of the non-members that the attack wrongly points at. An attack that is hardly ever wrong is worse than one that is often right: it is therefore judged at a low rate of false alarms.",
    ),
    ("term.auc", "Aire sous la courbe (AUC)", "Area under the curve (AUC)"),
    (
        "term.auc.text",
        "Probabilité qu’un membre ait un score plus élevé qu’un non-membre. Le hasard donne 0,5 ; une attaque parfaite, 1.",
        "Probability that a member scores higher than a non-member. Chance gives 0.5; a perfect attack, 1.",
    ),
    ("term.interval", "Intervalle de confiance", "Confidence interval"),
    (
        "term.interval.text",
        "Les valeurs que l’échantillon ne permet pas d’écarter. Plus l’échantillon est petit, plus l’intervalle est large.",
        "The values that the sample cannot rule out. The smaller the sample, the wider the interval.",
    ),
    ("term.p", "Valeur p", "p-value"),
    (
        "term.p.text",
        "Probabilité d’un écart au moins aussi grand si l’attaque ne savait rien. La valeur ajustée tient compte du nombre de tests menés.",
        "Probability of a difference at least as large if the attack knew nothing. The adjusted value takes account of how many tests were run.",
    ),
    ("term.attribute", "Inférence d’attribut", "Attribute inference"),
    (
        "term.attribute.text",
        "Attaque qui cherche à deviner ce que l’on ignore d’une personne, comme une maladie ou un revenu, en essayant chaque valeur possible dans une question au modèle.",
        "An attack that tries to guess what is not known about a person, such as an illness or an income, by asking the model with each possible value.",
    ),
    ("term.net", "Écart net", "Net difference"),
    (
        "term.net.text",
        "Ce que le modèle apporte à qui devine un attribut, chez les membres et non chez les non-membres. Un savoir sur toute la population donne 0 ; la mémoire des membres, plus de 0.",
        "What the model adds for whoever guesses an attribute, for members and not for non-members. Knowledge about the whole population gives 0; memory of the members, more than 0.",
    ),
    ("term.inversion", "Inversion de modèle", "Model inversion"),
    (
        "term.inversion.text",
        "Attaque qui cherche à reconstituer, en interrogeant le modèle, des données qui l’ont entraîné, comme un visage à partir d’un nom.",
        "An attack that tries to rebuild, by asking the model, data that it was trained on, such as a face from a name.",
    ),
    ("term.evaluator", "Évaluateur indépendant", "Independent evaluator"),
    (
        "term.evaluator.text",
        "Autre modèle, d’une autre architecture, qui dit de quelle classe est ce qui a été reconstitué : le modèle audité, lui, approuverait ce qui a été fait pour lui plaire.",
        "Another model, of another architecture, that says of which class is what was rebuilt: the audited model itself would approve of what was made to please it.",
    ),
    ("term.reference", "Modèle de référence", "Reference model"),
    (
        "term.reference.text",
        "Modèle entraîné comme le modèle audité, sur d’autres données connues : il montre comment réagit un modèle avec, et sans, une donnée précise.",
        "A model trained as the audited one was, on other, known data: it shows how a model reacts with, and without, a given record.",
    ),
    ("term.power", "Plus petit effet décelable", "Smallest detectable effect"),
    (
        "term.power.text",
        "Ce que l’échantillon permet de voir avec une bonne probabilité. Une fuite plus faible peut rester invisible.",
        "What the sample allows one to see with good probability. A weaker leak may remain invisible.",
    ),
    ("term.epsilon", "ε (confidentialité différentielle)", "ε (differential privacy)"),
    (
        "term.epsilon.text",
        "Promesse d’un procédé d’entraînement : qu’une donnée soit ajoutée ou retirée ne multiplie la probabilité d’aucun résultat par plus de e^ε, à δ près. Plus ε est petit, moins une donnée se trahit.",
        "Promise of a training procedure: that a record is added or removed multiplies the probability of no outcome by more than e^ε, up to δ. The smaller ε, the less a record gives itself away.",
    ),
    // Command line: begin.
    (
        "help.about",
        "Mesure ce qu’un modèle d’IA révèle des données qui l’ont entraîné",
        "Measures what an AI model gives away of the data it was trained on",
    ),
    ("help.commands", "Commandes", "Commands"),
    ("help.usage", "Usage", "Usage"),
    (
        "help.json",
        "Écrit le résultat sur la sortie standard pour un programme, en JSON",
        "Write the result to standard output for programs, as JSON",
    ),
    (
        "help.lang",
        "Langue : fr ou en ; à défaut, celle du système",
        "Language: fr or en; that of the system where absent",
    ),
    ("help.help", "Affiche l’aide", "Print help"),
    ("help.version", "Affiche la version", "Print the version"),
    (
        "help.run",
        "Mène un audit, ou le reprend où il s’est arrêté",
        "Run an audit, or go on where it stopped",
    ),
    (
        "help.score",
        "Juge les scores de n’importe quel outil, sans manifeste",
        "Judge the scores of any tool, without a manifest",
    ),
    (
        "help.signs",
        "Cherche, en une minute et sans attaque, les signes qu’un modèle retient ses données",
        "Look for signs that a model keeps its data, in a minute and without an attack",
    ),
    (
        "help.plan",
        "Dit ce qu’un audit fera et ce qu’il peut montrer, sans rien demander au modèle",
        "Tell what an audit will do and what it can show, without asking the model anything",
    ),
    (
        "help.attacks",
        "Donne la liste des attaques, ou la page d’une attaque",
        "List the attacks, or show the page of one",
    ),
    (
        "help.adapters",
        "Donne la liste des adaptateurs, ou les clés d’un adaptateur",
        "List the adapters, or show the keys of one",
    ),
    (
        "help.canaries",
        "Tire au sort des canaris, grâce auxquels un audit borne ε, ou vérifie un tirage",
        "Draw canaries, by which an audit bounds ε, or check a draw",
    ),
    (
        "help.canaries.make",
        "Tire au sort, pour chaque candidat, s’il servira à l’entraînement",
        "Throw a coin for each candidate: is it to be trained on?",
    ),
    (
        "help.canaries.check",
        "Vérifie qu’un tirage est celui sur lequel on s’est engagé",
        "Check that a draw is the one that was committed to",
    ),
    (
        "help.canaries.table",
        "Table des candidats : .csv ou .npz, avec une colonne id",
        "Table of the candidates: .csv or .npz, with a column id",
    ),
    (
        "help.canaries.count",
        "Nombre de canaris à nommer canary-1, canary-2, etc., au lieu d’une table",
        "How many canaries to name canary-1, canary-2 and so on, instead of a table",
    ),
    ("help.canaries.id", "Colonne des identifiants ; à défaut, id", "Column of the ids; id where absent"),
    (
        "help.canaries.person",
        "Colonne de la personne concernée : un seul tirage pour toutes ses données",
        "Column of the person a record is about: one coin for all records of a person",
    ),
    (
        "help.canaries.out",
        "Dossier des trois fichiers ; à défaut, le dossier courant",
        "Folder of the three files; the current one where absent",
    ),
    ("help.canaries.draw", "Le tirage ; à défaut, canaries.json", "The draw; canaries.json where absent"),
    (
        "help.canaries.commitment",
        "L’engagement ; à défaut, commitment.json",
        "The commitment; commitment.json where absent",
    ),
    ("help.init", "Écrit un manifeste commenté", "Write a commented manifest"),
    (
        "help.doctor",
        "Dit ce que cette machine peut faire, ou ce qu’est un fichier de modèle",
        "Tell what this machine can do, or what a model file is",
    ),
    (
        "help.model_file",
        "Un fichier de modèle, dont rien n’est exécuté",
        "A model file, of which nothing is run",
    ),
    (
        "help.combine",
        "Réunit des audits successifs du même modèle, sur d’autres données chaque fois (produit des valeurs e)",
        "Put audits of one model together that were made one after the other, each on other data (product of e-values)",
    ),
    ("help.folders", "Dossiers d’audits terminés", "Folders of finished audits"),
    (
        "help.verify",
        "Vérifie les preuves et le journal d’un audit",
        "Check the evidence and the journal of an audit",
    ),
    (
        "help.schema",
        "Écrit le schéma JSON du manifeste ou des preuves",
        "Print the JSON schema of the manifest or of the evidence",
    ),
    (
        "help.completions",
        "Écrit de quoi compléter les commandes dans un shell",
        "Print completions for a shell",
    ),
    ("help.manifest", "Le manifeste, par exemple audit.toml", "The manifest, e.g. audit.toml"),
    (
        "help.run_dir",
        "Dossier de l’audit ; à défaut, audit.run à côté de audit.toml",
        "Folder of the audit; audit.run beside audit.toml where absent",
    ),
    (
        "help.workers",
        "Étapes menées de front ; à défaut, une par cœur",
        "Steps that run side by side; one per core where absent",
    ),
    (
        "help.plugins",
        "Dossier d’extensions, ou d’une seule ; peut être répété (aussi : PANAME_PLUGIN_PATH)",
        "Folder of plugins, or of one; may be given several times (also: PANAME_PLUGIN_PATH)",
    ),
    (
        "help.plugin",
        "Gère les extensions : attaques et adaptateurs compilés par d’autres",
        "Manage plugins: attacks and adapters that others compiled",
    ),
    (
        "help.plugin.list",
        "Liste les extensions trouvées, sans en exécuter aucune",
        "List the plugins that are found, without running any",
    ),
    (
        "help.plugin.info",
        "Montre une extension ; ce qu’elle apporte, si elle est autorisée",
        "Show a plugin, and what it brings where it is trusted",
    ),
    (
        "help.plugin.trust",
        "Autorise une extension, à l’octet près : son code s’exécute avec tous vos droits",
        "Trust a plugin, to the byte: its code runs with all your rights",
    ),
    ("help.plugin.untrust", "Retire une autorisation", "Take trust back"),
    (
        "help.plugin.new",
        "Écrit une nouvelle extension complète : attaque, tests, mode d’emploi",
        "Write a complete new plugin: attack, tests, instructions",
    ),
    (
        "help.plugin.pack",
        "Compile une extension et la met dans un dossier avec sa description",
        "Compile a plugin and put it into a folder with its description",
    ),
    ("help.plugin.which", "Dossier ou nom de l’extension", "Folder or name of the plugin"),
    ("help.plugin.name", "Nom de l’extension", "Name of the plugin"),
    ("help.plugin.folder", "Dossier de l’extension", "Folder of the plugin"),
    (
        "help.plugin.key",
        "Clé publique minisign dont les signatures comptent",
        "Minisign public key whose signatures count",
    ),
    (
        "help.plugin.require_signature",
        "Exige ou n’exige plus que les extensions soient signées",
        "Demand, or demand no more, that plugins are signed",
    ),
    ("help.plugin.untrust_key", "Nom d’une clé à la place", "Name of a key instead"),
    (
        "help.plugin.path",
        "Dossier à créer ; à défaut, le nom de l’extension",
        "Folder to create; the name of the plugin where absent",
    ),
    (
        "help.plugin.paname",
        "Sources de PANAME ; à défaut, celles dont vient ce programme",
        "Source tree of PANAME; the one that this program was built from where absent",
    ),
    (
        "help.plugin.crate",
        "Dossier du paquet Cargo ; à défaut, le dossier courant",
        "Folder of the Cargo package; the current one where absent",
    ),
    (
        "help.plugin.out",
        "Où mettre l’extension ; à défaut, `plugin` dans le dossier du paquet",
        "Where the plugin goes; `plugin` in the folder of the package where absent",
    ),
    (
        "help.plugin.library",
        "Bibliothèque déjà compilée du paquet ; à défaut, elle est compilée",
        "Library of the package, where it is built already; it is built where absent",
    ),
    ("plugin.none_such", "aucune", "none"),
    ("plugin.name", "Nom", "Name"),
    ("plugin.version", "Version", "Version"),
    ("plugin.state", "État", "State"),
    ("plugin.folder", "Dossier", "Folder"),
    ("plugin.library", "Bibliothèque", "Library"),
    ("plugin.digest", "SHA-256", "SHA-256"),
    ("plugin.licence", "Licence", "Licence"),
    ("plugin.abi", "Interface", "Interface"),
    ("plugin.target", "Machine", "Machine"),
    ("plugin.native", "Bibliothèques requises", "Libraries needed"),
    ("plugin.signed", "Signée par", "Signed by"),
    ("plugin.attacks", "Attaques", "Attacks"),
    ("plugin.adapters", "Adaptateurs", "Adapters"),
    ("plugin.unasked", "inconnu tant qu’elle n’est pas autorisée", "not known until it is trusted"),
    ("plugin.state.trusted", "autorisée", "trusted"),
    ("plugin.state.untrusted", "non autorisée", "not trusted"),
    ("plugin.state.refused", "refusée", "refused"),
    ("plugin.none", "Aucune extension dans {places}.", "No plugin in {places}."),
    (
        "plugin.trusted",
        "L’extension {name} {version} est autorisée, sous la forme exacte de {digest}.",
        "Plugin {name} {version} is trusted, in exactly the form of {digest}.",
    ),
    (
        "plugin.key.trusted",
        "Les signatures de la clé {name} comptent.",
        "Signatures of the key {name} count.",
    ),
    ("plugin.list", "Liste des autorisations : {path}", "List of what is trusted: {path}"),
    (
        "plugin.untrusted",
        "{name} n’est plus autorisé. Liste : {path}",
        "{name} is trusted no more. List: {path}",
    ),
    (
        "plugin.written",
        "{files}\n\nEnsuite, dans {folder} : cargo test ; paname plugin pack",
        "{files}\n\nNext, in {folder}: cargo test; paname plugin pack",
    ),
    (
        "plugin.packed",
        "{folder}\nSHA-256 {digest}\n\nEnsuite : paname plugin trust {folder}",
        "{folder}\nSHA-256 {digest}\n\nNext: paname plugin trust {folder}",
    ),
    (
        "help.patience",
        "Met fin à une étape qui ne donne pas signe de vie pendant ce temps (7200 ; 0 : jamais)",
        "End a step that gives no sign of life for so long (7200; 0: never)",
    ),
    ("help.no_progress", "Ne montre pas l’avancement", "Show no progress"),
    (
        "help.fail_on_leak",
        "Rend le code 10 quand une fuite est démontrée",
        "Exit with code 10 when a leak is demonstrated",
    ),
    (
        "help.scores",
        "Table CSV id,score,member[,person,group] ; un score élevé désigne un membre",
        "CSV table id,score,member[,person,group]; a high score points at a member",
    ),
    (
        "help.out",
        "Dossier du résultat ; à défaut, scores.report à côté de scores.csv",
        "Folder of the result; scores.report beside scores.csv where absent",
    ),
    (
        "help.split",
        "Comment membres et non-membres ont été séparés : random (tirage au sort) ou undeclared (à défaut)",
        "How members and non-members came apart: random (by chance) or undeclared (where absent)",
    ),
    (
        "help.alpha",
        "Probabilité d’une fausse alerte ; à défaut 0.05",
        "Probability of a false alarm; 0.05 where absent",
    ),
    (
        "help.fpr",
        "Taux de faux positifs étudiés, séparés par des virgules ; à défaut 0.01,0.001",
        "False-positive levels, separated by commas; 0.01,0.001 where absent",
    ),
    (
        "help.exposed",
        "Nombre des plus exposés que le rapport cite, par pseudonyme ; à défaut 0",
        "How many of the most exposed the report lists, by pseudonym; 0 where absent",
    ),
    ("help.title", "Nom du test dans le rapport", "Name of the test in the report"),
    ("help.attack", "Nom d’une attaque", "Name of an attack"),
    ("help.adapter", "Nom d’un adaptateur", "Name of an adapter"),
    ("help.init_path", "Fichier à écrire ; à défaut, audit.toml", "File to write; audit.toml where absent"),
    ("help.organisation", "Nom de l’organisme", "Name of the organisation"),
    ("help.records", "Table des enregistrements audités", "Table of the audited records"),
    (
        "help.personal",
        "Les enregistrements contiennent des données personnelles",
        "The records hold personal data",
    ),
    ("help.folder", "Dossier d’un audit", "Folder of an audit"),
    ("help.document", "manifest ou evidence", "manifest or evidence"),
    ("help.shell", "bash, zsh, fish, elvish ou powershell", "bash, zsh, fish, elvish or powershell"),
    ("exit.title", "Codes de retour", "Exit codes"),
    ("exit.0", "succès, quel que soit le verdict", "success, whatever the verdict"),
    ("exit.1", "erreur sans code propre", "something without a code of its own"),
    ("exit.2", "arguments refusés", "wrong arguments"),
    ("exit.3", "manifeste refusé", "manifest refused"),
    ("exit.4", "données refusées", "data refused"),
    ("exit.5", "fichier illisible ou non inscriptible", "file cannot be read or written"),
    ("exit.6", "dossier d’audit occupé, ou d’un autre manifeste", "run folder in use or of another manifest"),
    ("exit.7", "journal ou preuves altérés", "journal or evidence broken"),
    ("exit.8", "une étape a échoué", "a step failed"),
    ("exit.9", "extension inutilisable", "a plugin cannot be used"),
    ("exit.10", "fuite démontrée, avec --fail-on-leak", "leak demonstrated, with --fail-on-leak"),
    ("exit.130", "interrompu", "cancelled"),
    ("cli.error", "erreur", "error"),
    (
        "cli.cancelled",
        "Interrompu. Rien de fini n’est perdu : la même commande reprend d’ici.",
        "Cancelled. Nothing finished is lost: the same command goes on from here.",
    ),
    (
        "cli.stopping",
        "Arrêt en cours ; une seconde interruption arrête tout de suite.",
        "Stopping; a second interrupt stops at once.",
    ),
    (
        "run.reused",
        "{reused} étapes déjà faites, {run} menées maintenant",
        "{reused} steps were finished before, {run} ran now",
    ),
    ("run.step_reused", "déjà faite", "finished before"),
    ("run.step_done", "faite", "done"),
    // Signs.
    (
        "signs.head",
        "Seule la présence d’un signe parle : elle dit qu’une attaque trouvera probablement quelque chose. L’absence de signe ne prouve rien, pas plus que des mesures contre le surapprentissage.",
        "Only a sign that is there says something: an attack is likely to find something. The absence of signs proves nothing, nor do measures against overfitting.",
    ),
    (
        "signs.sample",
        "Modèle interrogé sur {members} membres et {others} non-membres. Intervalles à {confidence}.",
        "Model asked about {members} members and {others} non-members. Intervals at {confidence}.",
    ),
    ("signs.none", "aucun", "none"),
    ("signs.weak", "faible", "weak"),
    ("signs.strong", "fort", "strong"),
    ("signs.unseen", "non mesuré", "not measured"),
    ("signs.sign", "Signe", "Sign"),
    ("signs.rating", "Degré", "Rating"),
    ("signs.members", "Membres", "Members"),
    ("signs.others", "Non-membres", "Non-members"),
    ("signs.difference", "Écart", "Difference"),
    ("signs.accuracy", "Exactitude", "Accuracy"),
    ("signs.loss", "Perte moyenne", "Mean loss"),
    ("signs.extreme", "Confiance extrême", "Extreme confidence"),
    ("signs.parameters", "Paramètres par enregistrement", "Parameters per record"),
    ("signs.within", "Doublons parmi les membres", "Duplicates among members"),
    ("signs.across", "Doublons entre les deux côtés", "Duplicates across the split"),
    (
        "signs.accuracy.means",
        "Un modèle plus exact sur ses données d’entraînement que sur d’autres les a en partie apprises par cœur, à moins que les deux groupes ne diffèrent d’eux-mêmes.",
        "A model that is more accurate on its training data than on others knows them by heart in part, unless the two groups differ by themselves.",
    ),
    (
        "signs.loss.means",
        "Une perte plus faible sur les membres suffit à une attaque qui ne lit que la perte.",
        "A smaller loss on members is all that an attack needs which reads nothing but the loss.",
    ),
    (
        "signs.extreme.means",
        "Une probabilité de la vraie classe au-delà de 0,999, plus fréquente sur les membres, désigne des enregistrements appris par cœur.",
        "A probability of the true class beyond 0.999, more frequent on members, points at records known by heart.",
    ),
    (
        "signs.parameters.means",
        "À partir d’un paramètre par enregistrement d’entraînement, un modèle peut retenir chacun d’eux ; à partir de dix, il le peut aisément.",
        "From one parameter per training record on, a model can keep each of them; from ten on, it easily can.",
    ),
    (
        "signs.within.means",
        "Ce qui se répète dans l’entraînement est plus souvent appris par cœur.",
        "What is repeated in training is known by heart more often.",
    ),
    (
        "signs.across.means",
        "Un non-membre identique à un membre a servi à l’entraînement : le partage lui-même fuit, et l’audit sous-estime ce qu’il y a à trouver.",
        "A non-member identical to a member was trained on: the split itself leaks, and the audit underestimates what there is to find.",
    ),
    ("signs.meaning", "{sign} : {means}", "{sign}: {means}"),
    (
        "signs.next",
        "Ensuite : `paname plan {path}` dit ce que l’audit peut montrer, `paname run {path}` le mène.",
        "Next: `paname plan {path}` tells what the audit can show, `paname run {path}` runs it.",
    ),
    (
        "plan.sample",
        "{members} membres, {others} non-membres ({unit}) ; population : {population} ; modèles de référence : {references}",
        "{members} members, {others} non-members ({unit}); population: {population}; reference models: {references}",
    ),
    (
        "plan.inputs",
        "Entrées : {records} de forme {shape}, {dtype}",
        "Inputs: {records} of shape {shape}, {dtype}",
    ),
    (
        "plan.fitted",
        "{id} : modèles que l’attaque fait entraîner : {n}.",
        "{id}: models that the attack has fitted: {n}.",
    ),
    (
        "plan.groups",
        "{id} : groupes d’au moins {size} enregistrements ; {members} de membres, {others} de non-membres, {mixed} mixtes.",
        "{id}: groups of at least {size} records; {members} of members, {others} of non-members, {mixed} mixed.",
    ),
    (
        "plan.attribute",
        "{id} : « {name} » ({scale}), {n} valeurs candidates : {values}. Deviné pour {records} enregistrements ({left} écartés) ; {known} autres dont la valeur est connue.",
        "{id}: “{name}” ({scale}), {n} candidate values: {values}. Guessed for {records} records ({left} left out); {known} others whose value is known.",
    ),
    (
        "plan.inversion",
        "{id} : reconstitue {classes} classes, dont chacune est comparée à {pictures} membres et à autant de non-membres ; {control} classes témoins ; {evaluator} ; une part compte à partir de {wanted}",
        "{id}: rebuilds {classes} classes, each of which is compared with {pictures} members and as many non-members; {control} control classes; {evaluator}; a share matters from {wanted} on",
    ),
    ("plan.inversion.gallery", "{fewest} à {most}", "{fewest} to {most}"),
    ("plan.inversion.evaluator", "un évaluateur indépendant", "an independent evaluator"),
    (
        "plan.inversion.alone",
        "sans évaluateur, si bien que rien ne dira si une classe est reconnue",
        "no evaluator, so that nothing will say whether a class is recognised",
    ),
    ("plan.inversion.detectable", "part de plus proches membres {share}", "share of nearest members {share}"),
    (
        "plan.attribute.margin",
        " Un écart de moins de {wanted} est déclaré sans importance.",
        " A difference below {wanted} is declared not to matter.",
    ),
    ("plan.inputs.standardised", " ; nombres centrés et réduits", "; numbers of mean 0 and deviation 1"),
    ("plan.column.group", "{kind}, du groupe « {group} »", "{kind}, of the group “{group}”"),
    ("plan.column.guessed_at", "{kind}, à deviner", "{kind}, to be guessed"),
    ("plan.attribute.detectable", "écart {difference}", "difference {difference}"),
    ("plan.scale.nominal", "catégories", "categories"),
    ("plan.scale.ordinal", "valeurs ordonnées", "ordered values"),
    ("plan.scale.continuous", "intervalles de nombres", "ranges of numbers"),
    ("plan.column", "colonne", "column"),
    ("plan.column.kind", "nature", "kind"),
    ("plan.column.by", "d’après", "according to"),
    ("plan.column.guessed", "son contenu", "its content"),
    ("plan.column.declared", "le manifeste", "the manifest"),
    ("plan.column.categories", "catégories", "categories"),
    ("plan.column.missing", "manquantes", "missing"),
    ("plan.column.whole", "nombre entier", "whole number"),
    ("plan.column.real", "nombre", "number"),
    ("plan.column.truth", "vrai ou faux", "truth"),
    ("plan.column.category", "catégorie", "category"),
    ("plan.column.text", "texte", "text"),
    ("plan.column.ignored", "ignorée", "ignored"),
    ("plan.test", "test", "test"),
    ("plan.attack", "attaque", "attack"),
    ("plan.signals", "signaux", "signals"),
    ("plan.references", "références", "references"),
    ("plan.controls", "contrôles", "controls"),
    ("plan.questions", "questions", "questions"),
    ("plan.best", "meilleur verdict possible", "best possible verdict"),
    ("plan.detectable", "plus petit effet décelable", "smallest detectable effect"),
    (
        "plan.absence",
        "Absence de fuite : ces effectifs peuvent exclure un écart de {margin} ou plus à {level} de fausses alarmes ; l’écart déclaré important est de {wanted}.",
        "Absence of a leak: samples of this size can exclude a difference of {margin} or more at {level} false alarms; the difference that was declared to matter is {wanted}.",
    ),
    (
        "plan.absence.needed",
        " Il faudrait environ {n} {unit} de chaque côté.",
        " It would take about {n} {unit} on each side.",
    ),
    (
        "plan.absence.never",
        "Absence de fuite : ces effectifs ne permettent d’en établir à aucun des niveaux déclarés.",
        "Absence of a leak: samples of this size can show none at any of the declared levels.",
    ),
    (
        "plan.epsilon",
        "Confidentialité différentielle (canaris : {canaries} ; paris : {guesses}) : un test peut montrer au mieux que ε vaut au moins {ceiling}, à δ = {delta}.",
        "Differential privacy (canaries: {canaries}; guesses: {guesses}): a test can at best show that ε is at least {ceiling}, at δ = {delta}.",
    ),
    (
        "plan.epsilon.beyond",
        " L’ε revendiqué, {claim}, ne pourra donc pas être réfuté.",
        " The claimed ε, {claim}, can therefore not be refuted.",
    ),
    (
        "plan.steps",
        "Étapes : {n}. Temps estimé sur un cœur : {time}.",
        "Steps: {n}. Estimated time on one core: {time}.",
    ),
    ("plan.fits", "Modèles à entraîner : {n}.", "Models to fit: {n}."),
    (
        "plan.stages",
        "Jugé après {stages} modèles de référence, arrêté dès que cela suffit.",
        "Judged after {stages} reference models, ended as soon as that decides.",
    ),
    ("plan.seconds", "{n} s", "{n} s"),
    ("plan.minutes", "{n} min", "{n} min"),
    ("plan.hours", "{n} h", "{n} h"),
    ("plan.tpr", "{tpr} des membres à {level}", "{tpr} of members at {level}"),
    (
        "attacks.more",
        "`paname attacks NOM` donne la page d’une attaque : idée, formule, article, coût, limites, paramètres.",
        "`paname attacks NAME` shows the page of an attack: idea, formula, paper, cost, limits, parameters.",
    ),
    (
        "attacks.manual",
        "Les attaques\n\nUne page par attaque ; `paname attacks NOM` montre la même.",
        "The attacks\n\nOne page per attack; `paname attacks NAME` shows the same.",
    ),
    ("attacks.parameter_list", "**Paramètres.**", "**Parameters.**"),
    ("attacks.family", "Famille", "Family"),
    ("attacks.formula", "Formule", "Formula"),
    ("attacks.paper", "Article", "Paper"),
    ("attacks.parameters", "Paramètres", "Parameters"),
    ("attacks.no_parameters", "Aucun paramètre.", "No parameters."),
    ("attacks.default", "à défaut {value}", "{value} where absent"),
    ("attacks.required", "obligatoire", "required"),
    (
        "adapters.more",
        "`paname adapters NOM` donne les clés d’un adaptateur.",
        "`paname adapters NAME` shows the keys of an adapter.",
    ),
    ("adapters.offers", "Accès offerts", "Access offered"),
    ("adapters.keys", "Clés", "Keys"),
    (
        "hint.split",
        "Un test trouve une différence, mais rien n’exclut qu’elle vienne des données elles-mêmes. Si le sort a séparé les membres d’un même ensemble, dites-le : `--split random` pour `paname score`, `split = \"random\"` sous [data] dans le manifeste ; sinon, donnez des modèles de référence.",
        "A test finds a difference, but nothing excludes that it comes from the data themselves. If chance drew the members from one pool, say so: `--split random` for `paname score`, `split = \"random\"` under [data] in the manifest; else give reference models.",
    ),
    (
        "canaries.made",
        "Canaris tirés au sort : {n}. {canaries} et {included} sont secrets, car qui les lit connaît le tirage ; {commitment} est public et n’en dit rien.",
        "Canaries drawn: {n}. {canaries} and {included} are secret, since who reads them knows the coins; {commitment} is public and tells none.",
    ),
    (
        "canaries.next.commit",
        "1. AVANT l’entraînement, publiez {commitment}, ou confiez-le à qui pourra dire depuis quand il l’a. Empreinte : {sha256}",
        "1. BEFORE training, publish {commitment}, or give it to somebody who can say since when they have had it. Digest: {sha256}",
    ),
    (
        "canaries.next.train",
        "2. Mettez dans le jeu d’entraînement les candidats que nomme {included}, et aucun des autres.",
        "2. Put the candidates that {included} names into the training set, and none of the others.",
    ),
    (
        "canaries.next.audit",
        "3. Après l’entraînement, auditez tous les candidats : sous [data] du manifeste, `canaries` et `commitment` nomment {canaries} et {commitment}.",
        "3. After training, audit all candidates: under [data] of the manifest, `canaries` and `commitment` name {canaries} and {commitment}.",
    ),
    (
        "canaries.ceiling",
        "Avec ces canaris, un audit d’un seul test peut montrer au mieux que ε vaut au moins {ceiling} ; pour réfuter un ε plus grand, il en faut davantage.",
        "With these canaries, an audit of one test can at best show that ε is at least {ceiling}; to refute a larger ε takes more of them.",
    ),
    (
        "canaries.few",
        "C’est trop peu : aucun audit ne pourra rien conclure sur ε avec ces canaris.",
        "They are too few: no audit will be able to conclude anything about ε with these canaries.",
    ),
    (
        "canaries.checked",
        "{canaries} est bien le tirage sur lequel {commitment} engage : {n} canaris, le {day}. Empreinte : {sha256}",
        "{canaries} is the draw that {commitment} commits to: {n} canaries, on {day}. Digest: {sha256}",
    ),
    ("init.example", "Exemple SARL", "Example Ltd"),
    ("init.organisation", "Nom de l’organisme", "Name of the organisation"),
    (
        "init.records",
        "Table des enregistrements audités (.csv ou .npz)",
        "Table of the audited records (.csv or .npz)",
    ),
    (
        "init.personal",
        "Contient-elle des données personnelles ? (oui/non)",
        "Does it hold personal data? (yes/no)",
    ),
    (
        "init.written",
        "{path} est écrit. Complétez-le, puis : paname plan {path}",
        "{path} is written. Complete it, then: paname plan {path}",
    ),
    (
        "init.personal_next",
        "Avec des données personnelles, l’audit n’a lieu que si la partie [legal] est complète.",
        "With personal data, the audit runs only when the part [legal] is complete.",
    ),
    ("doctor.version", "Version", "Version"),
    ("doctor.system", "Système", "System"),
    ("doctor.cores", "Cœurs", "Cores"),
    ("doctor.memory", "Mémoire", "Memory"),
    ("doctor.memory.value", "{available} Go libres sur {total} Go", "{available} GB free of {total} GB"),
    ("doctor.unknown", "inconnue", "unknown"),
    ("doctor.instructions", "Instructions de calcul", "Vector instructions"),
    ("doctor.instructions.none", "de base", "baseline"),
    ("doctor.folder", "Dossier courant", "Current folder"),
    ("doctor.folder.writable", "inscriptible", "writable"),
    ("doctor.folder.read_only", "non inscriptible : {why}", "not writable: {why}"),
    ("doctor.libtorch", "libtorch", "libtorch"),
    ("doctor.libtorch.absent", "indisponible : {why}", "not available: {why}"),
    (
        "doctor.file.torchscript",
        "Un modèle TorchScript. PANAME le lit avec l’extension torch ; comme c’est un programme, il faut `trust = true` sous [target].",
        "A TorchScript model. PANAME reads it with the torch plugin; since it is a program, [target] must say `trust = true`.",
    ),
    (
        "doctor.file.weights",
        "Un pickle Python de PyTorch, avec des poids seuls (state_dict) : ni classe, ni calcul.",
        "A Python pickle of PyTorch with weights only (a state_dict): neither class nor computation.",
    ),
    (
        "doctor.file.dictionary_of_weights",
        "Un pickle Python de PyTorch, avec un dictionnaire dont « {key} » semble contenir les poids.",
        "A Python pickle of PyTorch with a dictionary, in which “{key}” seems to hold the weights.",
    ),
    (
        "doctor.file.dictionary",
        "Un pickle Python de PyTorch, avec un dictionnaire, sans doute de poids.",
        "A Python pickle of PyTorch with a dictionary, probably of weights.",
    ),
    (
        "doctor.file.object",
        "Un pickle Python de PyTorch, avec un objet de la classe {class}.",
        "A Python pickle of PyTorch with an object of class {class}.",
    ),
    ("doctor.file.checkpoint", "Un pickle Python de PyTorch.", "A Python pickle of PyTorch."),
    (
        "doctor.file.joblib",
        "Un pickle Python, par exemple de joblib ou de scikit-learn.",
        "A Python pickle, such as joblib or scikit-learn write it.",
    ),
    (
        "doctor.file.pickle",
        "PANAME ne le lit pas : un pickle exécute du code dès qu’il est ouvert.",
        "PANAME does not read it: a pickle runs code as soon as it is opened.",
    ),
    (
        "doctor.file.export",
        "Pour auditer ce modèle, exportez-le en .pt2 ; `paname_export` est dans python/ et demande PyTorch :",
        "To audit this model, export it as a .pt2 file; `paname_export` is in python/ and needs PyTorch:",
    ),
    (
        "doctor.file.predictions",
        "Pour auditer ce modèle, enregistrez ses prédictions et donnez-les à l’adaptateur « predictions » :",
        "To audit this model, save its predictions and give them to the adapter “predictions”:",
    ),
    (
        "doctor.file.torch_export",
        "Un programme de torch.export (.pt2). PANAME le lit avec le plugin torch : program = \"…\" dans [target]. C’est une donnée : `trust` n’est pas nécessaire.",
        "A program of torch.export (.pt2). PANAME reads it with the torch plugin: program = \"…\" in [target]. It is data, and needs no `trust`.",
    ),
    (
        "doctor.file.pickled_export",
        "Un programme de torch.export (.pt2) écrit par un PyTorch antérieur à 2.9, dont les poids sont dans un pickle Python.",
        "A program of torch.export (.pt2) written by PyTorch before 2.9, with its weights in a Python pickle.",
    ),
    (
        "doctor.file.rewrite",
        "Pour auditer ce modèle, réécrivez le fichier ; `paname_export` est dans python/ et demande PyTorch :",
        "To audit this model, rewrite the file; `paname_export` is in python/ and needs PyTorch:",
    ),
    (
        "doctor.file.safetensors",
        "Des poids au format safetensors, sans le calcul qui les utilise. Avec le greffon torch, PANAME lit ceux de ses architectures intégrées (`weights`, `architecture`).",
        "Weights in safetensors, without the computation that they belong to. With the torch plugin PANAME reads those of its built-in architectures (`weights`, `architecture`).",
    ),
    (
        "doctor.file.onnx",
        "Un modèle ONNX. PANAME ne le lit pas ; le modèle PyTorch dont il vient peut être exporté.",
        "An ONNX model. PANAME does not read it; the PyTorch model that it was made from can be exported.",
    ),
    (
        "doctor.file.arrays",
        "Des tableaux NumPy, pas un modèle. Si ce sont des prédictions, donnez-les à l’adaptateur « predictions ».",
        "Arrays of NumPy, no model. If they are predictions, give them to the adapter “predictions”.",
    ),
    (
        "doctor.file.archive",
        "Une archive zip, mais pas un modèle que PANAME connaisse.",
        "A zip archive, but no model that PANAME knows.",
    ),
    (
        "doctor.file.truncated",
        "Un fichier incomplet : il s’arrête avant ce que son format annonce. Copiez-le de nouveau.",
        "A file that is not whole: it ends before its format says. Copy it again.",
    ),
    (
        "doctor.file.unknown",
        "Pas un modèle que PANAME connaisse. Il lit les fichiers .pt2, qu’écrit paname_export, et TorchScript.",
        "No model that PANAME knows. It reads .pt2 files, which paname_export writes, and TorchScript.",
    ),
    ("doctor.file.word.class", "votre classe, comme à l’entraînement", "your class, built as for training"),
    ("doctor.file.word.model", "votre modèle, avec ses poids", "your model, with its weights"),
    (
        "doctor.file.word.example",
        "un lot d’entrées, p. ex. torch.zeros(1, 3, 32, 32)",
        "a batch of inputs, e.g. torch.zeros(1, 3, 32, 32)",
    ),
    (
        "doctor.file.word.runs",
        "exécute le contenu du fichier : seulement s’il est de confiance",
        "runs what the file says: only if you trust it",
    ),
    (
        "doctor.file.word.inputs",
        "les enregistrements audités, dans l’ordre de la table",
        "the audited records, in the order of the table",
    ),
    ("doctor.attacks", "Attaques", "Attacks"),
    ("doctor.adapters", "Adaptateurs", "Adapters"),
    (
        "verify.evidence",
        "Les preuves ont l’empreinte qu’elles annoncent",
        "The evidence has the digest that it states",
    ),
    (
        "verify.journal",
        "Le journal ({n} lignes) est intact et nomme ces preuves",
        "The journal ({n} lines) is whole and names this evidence",
    ),
    (
        "verify.manifest",
        "Le manifeste est celui que nomment les preuves",
        "The manifest is the one that the evidence names",
    ),
    (
        "verify.reports",
        "Les rapports sont ceux qui ont été écrits",
        "The reports are those that were written",
    ),
    ("verify.core", "Empreinte", "Digest"),
    ("combine.test", "Test", "Test"),
    ("combine.level", "Niveau", "Level"),
    ("combine.queries", "Questions", "Queries"),
    ("combine.e", "log10 e", "log10 e"),
    ("combine.p", "p", "p"),
    ("combine.demonstrated", "Fuite démontrée", "Leak demonstrated"),
    (
        "combine.left_out",
        "Laissés de côté, car absents d’un des audits, menés autrement ou sans niveau commun : {tests}.",
        "Left out, since one of the audits lacks them, ran them otherwise or shares no level: {tests}.",
    ),
    (
        "combine.split",
        "Rien n’est démontré : tous les audits ne déclarent pas que le hasard a désigné les membres (split = \"random\").",
        "Nothing is demonstrated: not every audit declares that chance drew the members (split = \"random\").",
    ),
    (
        "combine.units",
        "Ne vaut que si aucune personne, ni aucune donnée, n’est dans deux de ces audits : les preuves ne permettent pas de le voir.",
        "Holds only where no person and no record is in two of these audits, which the evidence does not show.",
    ),
    // Command line: end.
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    use super::*;

    fn placeholders(text: &str) -> BTreeSet<&str> {
        text.split('{').skip(1).map(|rest| rest.split_once('}').expect("a closing brace").0).collect()
    }

    #[test]
    fn every_string_is_whole_in_both_languages() {
        let mut names = BTreeSet::new();
        for (name, french, english) in STRINGS {
            assert!(names.insert(name), "`{name}` stands twice");
            assert!(!french.trim().is_empty() && !english.trim().is_empty(), "`{name}` is empty");
            assert_eq!(placeholders(french), placeholders(english), "placeholders of `{name}`");
            assert!(!french.contains(['\u{a0}', '\u{202f}', '\'']), "`{name}`: plain spaces and ’ in French");
            assert!(!english.contains('\''), "`{name}`: ’ in English");
        }
    }

    #[test]
    fn french_has_a_space_before_high_punctuation() {
        for (name, french, _) in STRINGS {
            for (at, mark) in french.match_indices([':', ';', '?', '!', '%', '»']) {
                assert!(french[..at].ends_with(' '), "`{name}`: a space before `{mark}`");
            }
        }
    }

    #[test]
    fn no_verdict_speaks_of_anonymity() {
        for (name, french, english) in STRINGS {
            assert!(!format!("{french}{english}").to_lowercase().contains("anonym"), "`{name}`");
        }
    }

    #[test]
    fn every_string_is_used() {
        let mut sources = String::new();
        let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        for folder in fs::read_dir(crates).unwrap() {
            read(&folder.unwrap().path().join("src"), &mut sources);
        }
        let unused: Vec<&str> = STRINGS
            .iter()
            .map(|(name, ..)| *name)
            .filter(|name| !sources.contains(&format!("(\"{name}\"")))
            .collect();
        assert_eq!(unused, Vec::<&str>::new(), "strings that nothing uses");
    }

    #[test]
    fn templates_use_strings_that_exist() {
        let mut templates = String::new();
        read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/templates"), &mut templates);
        let used: Vec<&str> = templates
            .split("t(\"")
            .skip(1)
            .map(|rest| rest.split_once('"').expect("a closing quote").0)
            .collect();
        assert!(used.len() > 50);
        for name in used {
            assert!(Key::find(name).is_some(), "a template asks for `{name}`");
        }
    }

    /// Every source file and template but this one.
    fn read(path: &Path, sources: &mut String) {
        if path.is_dir() {
            for entry in fs::read_dir(path).unwrap() {
                read(&entry.unwrap().path(), sources);
            }
        } else if path.extension().is_some_and(|kind| kind == "rs" || kind == "html")
            && !path.ends_with("strings.rs")
        {
            sources.push_str(&fs::read_to_string(path).unwrap());
        }
    }
}
