"""Reads the name of a condition, for entries without a code the tables know.

Problem lists say as much about what is absent, past or feared as about what is
present, so every name is read with the words around it: "not pregnant", "history
of opioid use disorder", "family history of lupus" name nothing that is present.
Nothing is cached here: problem list texts may hold patient data.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from cds_service.knowledge.concepts import Finding, Role
from cds_service.knowledge.ingredients import by_name
from cds_service.knowledge.words import plain

_CLAUSE = re.compile(r"[;\n]|\.\s|\bbut\b")
_TAG = re.compile(r"\((?:disorder|finding|situation|event|procedure|observable entity|context-dependent.*?)\)")


def read_condition(text: str) -> frozenset[Finding]:
    """What a condition's display or text says of now; empty when nothing certain enough."""
    written = _TAG.sub(" ", plain(text))
    if not _stems().search(written):
        return frozenset()
    return frozenset(finding for clause in _CLAUSE.split(written) for finding in _read_clause(clause))


def _read_clause(clause: str) -> Iterator[Finding]:
    for fixed in _FIXED:
        if fixed.pattern.search(clause):
            yield from fixed.findings
            clause = fixed.pattern.sub(" ~ ", clause)
    if _ELSEWHERE.search(clause):
        return
    for rule in _rules():
        if any(_holds(rule, clause, match) for match in rule.pattern.finditer(clause)):
            yield rule.finding


def _holds(rule: _Rule, clause: str, match: re.Match[str]) -> bool:
    """Whether the words around a name leave it present."""
    before, after = clause[: match.start()], clause[match.end() :]
    if _NOT_BEFORE.search(before) or _NOT_AFTER.search(after):
        return False
    return rule.finding in _OBSTETRIC or not _REMISSION.search(after)


@dataclass(frozen=True, slots=True)
class _Fixed:
    """A phrase that is read as a whole, whatever stands around it, and then taken out."""

    pattern: re.Pattern[str]
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class _Rule:
    finding: Finding
    pattern: re.Pattern[str]


_OBSTETRIC = frozenset(
    {Finding.PREGNANT, Finding.DELIVERED, Finding.PREGNANCY_ENDED, Finding.POSTPARTUM, Finding.LACTATING}
)

# --- what the words around a name can say -------------------------------------------------------

_NOT_BEFORE = re.compile(
    r"\b(?:no|not|isn't|without|denie[sd]|deny|negative for|never|absence of|free of|free from|history of|h/o"
    r"|hx|past|previous(?:ly)?|prior|former(?:ly)?|risks? (?:of|for)|at risk|prevent(?:ion|ing)?|prevention of"
    r"|avoid\w*|fear of|concern for|planning|planned|plans?|intends?|intention|wants|wishes|desires?|trying"
    r"|scheduled|awaiting|unlikely)\b[^,]*$"
)
_NOT_AFTER = re.compile(
    r"^[^,]*?(?:\b(?:ruled out|excluded|unlikely|not (?:found|present|confirmed)|negative|resolved|counsel\w*"
    r"|screen\w*|education|prevention|prophylaxis)\b|\b(?:history|hx)\s*$)"
)
_REMISSION = re.compile(r"\bremission\b|\brecovered\b|\babstinent\b")
_ELSEWHERE = re.compile(
    r"\bfamily h(?:istory|x)\b|\bf(?:h|hx|amhx)\b|\b(?:mother|father|sister|brother|parents?|spouse|partner"
    r"|husband|wife|child|son|daughter) (?:with|has|had|is|was)\b|\bnewborn\b|\bneonat\w*|\binfants?\b|\bbaby\b"
    r"|\bborn to\b|\brul(?:e|ing) out\b|\br/o\b|\bscreen(?:ing)? for\b|\bevaluat\w+ for\b|\bpreconception\w*"
    r"|\bprocreative\b|\bcontracept\w*|\bto (?:become pregnant|conceive)\b|\bpersonal history\b"
)

# --- phrases read as a whole, in this order -----------------------------------------------------

_PREGNANT_WORD = r"pregnan(?:t|cy)"
_FIXED = tuple(
    _Fixed(re.compile(pattern), findings)
    for pattern, findings in (
        (
            r"\b(?:not|isn't|no longer|non)[ -]*(?:currently |known to be |yet )?pregnant\b"
            r"|\bpregnan(?:t|cy)(?: status)?\s*[:=]\s*(?:no|not|negative|none|false)\b"
            r"|\b(?:pregnancy test|hcg)\b[^,;]{0,25}\bnegative\b|\bnegative\b[^,;]{0,20}\b(?:pregnancy test|hcg)\b"
            r"|\bpregnancy (?:ruled out|excluded)\b|\bno (?:evidence of )?pregnancy\b",
            (Finding.NOT_PREGNANT,),
        ),
        (
            r"\b(?:pregnancy test|hcg)\b[^,;]{0,25}\bpositive\b"
            r"|\bpositive\b[^,;]{0,20}\b(?:pregnancy test|hcg)\b|\bpregnant\s*[:=]\s*(?:yes|true)\b",
            (Finding.PREGNANT,),
        ),
        (
            r"(?:\b(?:possibl[ey]|suspected|suspicion of|probabl[ey]|presumed|unconfirmed|may be|might be"
            r"|could be|query)|\?)\s*(?:currently |early )?" + _PREGNANT_WORD + r"\b"
            r"|\bpregnancy,? (?:not (?:yet )?confirmed|unconfirmed|suspected|possible|of unknown location)\b"
            r"|\bpregnan(?:t|cy)\s*\?|\bpregnancy,? childbirth,? (?:and|or) (?:the )?puerperium\b",
            (Finding.POSSIBLY_PREGNANT,),
        ),
        (r"\bthreatened (?:spontaneous )?(?:abortion|miscarriage)\b", (Finding.PREGNANT,)),
        (
            r"\bpregnancy test\w*|\bpregnancy (?:status )?(?:unknown|counsel\w*|planning|prevention|intention\w*)"
            r"|\bchildbirth (?:instruction|education|class)\w*|\b(?:planning|trying for|wants|desires) "
            r"(?:a )?pregnancy\b|\bsuppress\w+ (?:of )?lactation\b|\blactation suppress\w+"
            r"|\b(?:recurrent|habitual) (?:pregnancy loss|miscarriages?|abort\w+)|\b(?:false|phantom) pregnancy\b",
            (),
        ),
        (
            r"\b(?:not|no longer|non|stopped|ceased|discontinued)[ -]*(?:currently )?breast[ -]?feeding\b"
            r"|\bbreast[ -]?feeding (?:stopped|ceased|discontinued)\b|\b(?:not|non|no longer)[ -]?lactating\b"
            r"|\bbreast[ -]?feeding\s*[:=]\s*(?:no|false)\b",
            (Finding.NOT_LACTATING,),
        ),
        (
            r"\b(?:respiratory|ventilatory|cns|central nervous system|(?:bone )?marrow|st|immune|cardiac)[ -]"
            r"(?:segment )?depression\b|\bdepression screen\w*|\bsuicide (?:risk|screen\w*|prevention)\b"
            r"|\blupus (?:anticoagulant|vulgaris|pernio)\b|\bopioid[ -](?:free|na[i]ve)\b"
            r"|(?<!acute on )\bchronic (?:\w+ ){0,3}hepatitis\b",
            (),
        ),
    )
)

# --- names --------------------------------------------------------------------------------------

_NAMES: tuple[tuple[Finding, str], ...] = (
    (
        Finding.PREGNANCY_ENDED,
        r"\b(?:ectopic|molar|tubal) pregnancy\b|\bhydatidiform mole\b|\bmiscarriage\b|\babortion\b"
        r"|\bterminat\w+ of pregnancy\b|\bpregnancy (?:loss|terminated)\b",
    ),
    (
        Finding.PREGNANT,
        r"(?<!ectopic )(?<!molar )(?<!tubal )(?<!termination of )\bpregnan(?:t|cy)\b(?! (?:loss|terminated))"
        r"|\bgravid\b|\bprimigravida\b"
        r"|\bgestational (?:diabetes|hypertension|o?edema|proteinuria)|\bpre-?eclampsia\b"
        r"|\bhyperemesis gravidarum\b|\b(?:antenatal|prenatal) (?:care|visit|clinic|supervision)\b"
        r"|\b(?:first|second|third|1st|2nd|3rd) trimester\b|\bplacenta pra?evia\b"
        r"|\b\d{1,2} ?(?:weeks?|wks?)(?: of)? gestation\b",
    ),
    (
        Finding.DELIVERED,
        r"\b(?:vaginal|c(?:a)?esarean|forceps|vacuum|normal|spontaneous|preterm|term|breech|assisted) delivery\b"
        r"|\bca?esarean\b|\bc-section\b|\boutcome of delivery\b|\b(?:single |twin )?live ?birth\b|\bstillbirth\b"
        r"|\bchildbirth\b|\bgave birth\b|\bdelivered (?:by|vaginally|a)\b|\b(?:mother|twins?|pregnancy) delivered\b",
    ),
    (Finding.POSTPARTUM, r"\bpost-? ?partum\b|\bpuerper\w+|\bpostnatal\b"),
    (Finding.LACTATING, r"\bbreast[ -]?feed(?:s|ing)?\b|\blactat(?:ing|ion)\b|\bnursing mother\b"),
    (
        Finding.OPIOID_USE_DISORDER,
        r"\b{O}(?:[ -]+(?:induced|type|drug|analgesic|medication))*[ -]+(?:use disorders?|dependen(?:ce|cy|t)"
        r"|addict\w*|abuse\w*|misuse\w*|intoxication)|\boud\b"
        r"|\b(?:dependence|addiction|abuse|misuse) (?:of|on|to) {O}\b",
    ),
    (
        Finding.OPIOID_AGONIST_THERAPY,
        r"\b{O}\b.{{0,40}}\bagonist (?:therapy|treatment)\b|\b{O} (?:substitution|replacement|maintenance)\b"
        r"|\b(?:methadone|buprenorphine|suboxone)[ -]+(?:maintenance|programme?|clinic|therapy|treatment)\b"
        r"|\bmedications? for opioid use disorder\b|\bmoud\b",
    ),
    (
        Finding.LONG_TERM_OPIOID,
        r"\b(?:long[ -]?term|chronic)\b[^;]{{0,25}}\b(?:use|therapy|treatment) (?:of|with) {O}\b"
        r"|\b(?:long[ -]?term|chronic)(?:,? continuous)? {O}(?: analgesic| pain)?s? (?:use|therapy|treatment|user)\b"
        r"|\b{O} (?:contract|pain agreement)\b",
    ),
    (
        Finding.OPIOID_WITHDRAWAL,
        r"\b{O}\b[^,;]{{0,25}}\bwithdrawal\b|\bwithdrawal (?:from|due to|of) {O}\b",
    ),
    (
        Finding.OPIOID_OVERDOSE,
        r"\b{O}\b[^,;]{{0,40}}\b(?:overdose|poisoning)\b|\b(?:overdose|poisoning)\b[^,;]{{0,40}}\b{O}\b",
    ),
    (
        Finding.NALOXONE_CHALLENGE_FAILED,
        r"\bfail(?:ed|ure of|s)? (?:the )?(?:naloxone|narcan)[ -]+challenge"
        r"|\b(?:naloxone|narcan)[ -]+challenge(?: test)?[ :,-]*(?:was )?(?:failed|failure|positive)\b",
    ),
    (
        Finding.ALCOHOL_USE_DISORDER,
        r"\balcohol[ -]+(?:use disorder|dependen\w+|addict\w*|abuse)|\balcoholism\b|\baud\b",
    ),
    (
        Finding.ACUTE_HEPATITIS,
        r"\bacute (?:\w+[ -]+){{0,3}}hepatitis\b|\bhepatitis\b[^;]{{0,12}}\bacute\b|\balcoholic hepatitis\b"
        r"|\bfulminant hepatitis\b",
    ),
    (
        Finding.LIVER_FAILURE,
        r"\b(?:liver|hepatic) failure\b|\bhepatic coma\b|\bhepatorenal syndrome\b|\bfulminant hepatitis\b",
    ),
    (
        Finding.DECOMPENSATED_CIRRHOSIS,
        r"\bdecompensated (?:\w+ ){{0,3}}(?:cirrhosis|liver disease)\b|\bcirrhosis\b[^;]{{0,30}}\bdecompensated\b"
        r"|\bcirrhosis\b[^;]{{0,40}}\bwith (?:\w+ )?ascites\b|\bend[ -]stage liver disease\b|\besld\b"
        r"|\bchild[ -]pugh (?:class )?c\b",
    ),
    (Finding.CIRRHOSIS, r"\bcirrhosis\b|\bcirrhotic\b"),
    (
        Finding.DECOMPENSATION_SIGN,
        r"\bascites\b|\b(?:o?esophageal|gastric) varices\b|\bvariceal\b|\bhepatic encephalopathy\b"
        r"|\bportal hypertension\b|\bspontaneous bacterial peritonitis\b",
    ),
    (
        Finding.SEVERE_RENAL_IMPAIRMENT,
        r"\bend[ -]stage (?:renal|kidney)\b|\besrd\b|\beskd\b|\bdialysis\b|\baki\b"
        r"|\b(?:chronic kidney disease|ckd)[ ,(]*(?:stage|grade)? ?g?(?:4|5|iv|v)\b"
        r"|\bacute (?:renal|kidney) (?:failure|injury)\b"
        r"|\bsevere (?:renal|kidney) (?:impairment|failure|disease|insufficiency)\b",
    ),
    (Finding.DEPRESSION, r"\bdepress(?:ion|ive)\b|\bdysthymi\w+|\bmdd\b"),
    (Finding.SUICIDALITY, r"\bsuicid(?:al|ality)\b|\bsuicide attempt\b|\battempted suicide\b"),
    (
        Finding.PLANNED_SURGERY,
        r"\b(?:awaiting|scheduled|planned|upcoming)\b[^,;]{{0,30}}\b(?:surg\w+|operation|arthroplasty|replacement)\b"
        r"|\bpre-?(?:op|operative|procedural|surgical)\b[^,;]{{0,20}}\b(?:exam\w*|evaluation|assessment|clearance)\b"
        r"|\bsurgery (?:planned|scheduled)\b",
    ),
    (
        Finding.NALTREXONE_ALLERGY,
        r"\b(?:allerg\w+|hypersensitiv\w+|anaphyla\w+)\b[^;]{{0,25}}\bnaltrexone\b"
        r"|\bnaltrexone\b[^;]{{0,20}}\b(?:allerg|hypersensitiv|anaphyla)\w*",
    ),
    (
        Finding.NALOXONE_ALLERGY,
        r"\b(?:allerg\w+|hypersensitiv\w+|anaphyla\w+)\b[^;]{{0,25}}\bnaloxone\b"
        r"|\bnaloxone\b[^;]{{0,20}}\b(?:allerg|hypersensitiv|anaphyla)\w*",
    ),
    (Finding.FIBROMYALGIA, r"\bfibromyalgia\b|\bfibromyositis\b"),
    (Finding.CRPS, r"\bcomplex regional pain\b|\bcrps\b|\breflex sympathetic dystrophy\b|\bcausalgia\b"),
    (Finding.RHEUMATOID_ARTHRITIS, r"\brheumatoid (?:poly)?arthritis\b|\bfelty"),
    (Finding.LUPUS, r"\blupus\b|\bsle\b"),
    (Finding.MULTIPLE_SCLEROSIS, r"\bmultiple sclerosis\b|\b(?:rr|pp|sp)ms\b"),
    (Finding.CROHNS_DISEASE, r"\bcrohn(?:'?s)?\b|\bregional enteritis\b"),
    (Finding.ENDOMETRIOSIS, r"\bendometriosis\b|\badenomyosis\b"),
    (
        Finding.ME_CFS,
        r"\bchronic fatigue syndrome\b|\bmyalgic encephalomyelitis\b|\bme ?/ ?cfs\b|\bcfs ?/ ?me\b",
    ),
    (Finding.CHRONIC_PAIN, r"\bchronic (?:\w+[ -]+){{0,3}}pain\b"),
    (Finding.NEUROPATHIC_PAIN, r"\bneuropathic pain\b|\bneuralgia\b|\b(?:poly)?neuropathy\b"),
    (Finding.PELVIC_PAIN, r"\bpelvic (?:and perineal )?pain\b|\bvulvodynia\b|\binterstitial cystitis\b"),
)


@cache
def _opioid_words() -> str:
    names = [n for n, i in by_name().items() if i.role is Role.OPIOID]
    return "(?:opioids?|opiates?|narcotics?|heroin|pethidine|" + "|".join(map(re.escape, names)) + ")"


@cache
def _rules() -> tuple[_Rule, ...]:
    opioid = _opioid_words()
    return tuple(
        _Rule(finding, re.compile(pattern.replace("{O}", opioid).replace("{{", "{").replace("}}", "}")))
        for finding, pattern in _NAMES
    )


@cache
def _stems() -> re.Pattern[str]:
    """A text without any of these cannot name a condition; most problem lists pass here once."""
    patterns = [f.pattern.pattern for f in _FIXED if f.findings] + [r.pattern.pattern for r in _rules()]
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns))
