package fhirapi_test

import (
	"os"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/internal/pgtest"
	"github.com/inglehealth/ingle/store"
	"github.com/inglehealth/ingle/store/postgres"
	"github.com/inglehealth/ingle/store/sqlite"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

// openStore opens the database that the test is for. The door closes it.
func openStore(t *testing.T) store.Store {
	t.Helper()
	var s store.Store
	var err error
	if strings.HasPrefix(t.Name(), "TestTheAPIOnPostgreSQL/") {
		s, err = postgres.Open(t.Context(), pgtest.URL(t), pgtest.Schema())
	} else {
		s, err = sqlite.Open(t.Context(), t.TempDir())
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// What depends on the database is tested on PostgreSQL, too.
func TestTheAPIOnPostgreSQL(t *testing.T) {
	for name, test := range map[string]func(*testing.T){
		"AnEventNamesWhatWasTouchedAndWhose":                   TestAnEventNamesWhatWasTouchedAndWhose,
		"TheEventOfAChangeSaysWhatWasChangedHoweverItIsKept":   TestTheEventOfAChangeSaysWhatWasChangedHoweverItIsKept,
		"TheEventOfAChangeGoesIntoTheReserve":                  TestTheEventOfAChangeGoesIntoTheReserve,
		"WhatFailsBehindItsCommitHasAnEventOfThatToo":          TestWhatFailsBehindItsCommitHasAnEventOfThatToo,
		"WithTheReserveOnlyTreatmentGoesOn":                    TestWithTheReserveOnlyTreatmentGoesOn,
		"WhatConnectionsBreakInHasItsEventIfItIsThere":         whatConnectionsBreakInHasItsEventIfItIsThere,
		"WhoMayReadTheLogReadsTheLogAndNobodyElse":             TestWhoMayReadTheLogReadsTheLogAndNobodyElse,
		"ASearchEndsWhenItsClientGoesAway":                     TestASearchEndsWhenItsClientGoesAway,
		"ASearchThatCostsTooMuchIsRefusedWithWhatToNarrow":     TestASearchThatCostsTooMuchIsRefusedWithWhatToNarrow,
		"StatusSaysHowSubscriptionsAre":                        TestStatusSaysHowSubscriptionsAre,
		"EventsAreAskedForAgain":                               TestEventsAreAskedForAgain,
		"EventsAreForTheirSubscriberAlone":                     TestEventsAreForTheirSubscriberAlone,
		"ABindingTokenIsForSubscriptionsByWebSocket":           TestABindingTokenIsForSubscriptionsByWebSocket,
		"ATransactionIsAnsweredEntryByEntry":                   TestATransactionIsAnsweredEntryByEntry,
		"NothingStaysOfATransactionWithABadEntry":              TestNothingStaysOfATransactionWithABadEntry,
		"ABatchFailsByEntry":                                   TestABatchFailsByEntry,
		"OnlyABatchOrTransactionCanBePostedToTheBase":          TestOnlyABatchOrTransactionCanBePostedToTheBase,
		"ABinaryIsStoredAsItCame":                              TestABinaryIsStoredAsItCame,
		"ARangeOfABinaryCanBeRead":                             TestARangeOfABinaryCanBeRead,
		"ABinaryResourceIsServedRawToo":                        TestABinaryResourceIsServedRawToo,
		"ACreateChoosesTheId":                                  TestACreateChoosesTheId,
		"PreferSaysWhatAWriteReturns":                          TestPreferSaysWhatAWriteReturns,
		"TheHostHeaderNeverMakesALink":                         TestTheHostHeaderNeverMakesALink,
		"AConditionalCreateMakesOneResource":                   TestAConditionalCreateMakesOneResource,
		"ParallelConditionalCreatesMakeOneResource":            TestParallelConditionalCreatesMakeOneResource,
		"ABadResourceIsRefusedWithItsPlace":                    TestABadResourceIsRefusedWithItsPlace,
		"ABodyNeedsItsContentType":                             TestABodyNeedsItsContentType,
		"ADeleteKeepsTheHistory":                               TestADeleteKeepsTheHistory,
		"WhatOthersReferToStays":                               TestWhatOthersReferToStays,
		"AConditionalDeleteActsOnItsOnlyMatch":                 TestAConditionalDeleteActsOnItsOnlyMatch,
		"AHistoryListsEveryVersion":                            TestAHistoryListsEveryVersion,
		"AHistoryIsPaged":                                      TestAHistoryIsPaged,
		"AHistoryMayBeginOrStandAtATime":                       TestAHistoryMayBeginOrStandAtATime,
		"ValidateExplainsWhatIsWrong":                          TestValidateExplainsWhatIsWrong,
		"FHIRPathIsEvaluatedOverAResourceInTheRequest":         TestFHIRPathIsEvaluatedOverAResourceInTheRequest,
		"FHIRPathResultsKeepTheirTypes":                        TestFHIRPathResultsKeepTheirTypes,
		"FHIRPathReachesStoredResources":                       TestFHIRPathReachesStoredResources,
		"ExpungeNeedsItsPolicyAndAPost":                        TestExpungeNeedsItsPolicyAndAPost,
		"AnExplainedSearchSaysWhatItDid":                       TestAnExplainedSearchSaysWhatItDid,
		"EverySearchCanBeExplained":                            TestEverySearchCanBeExplained,
		"AnOperationThatIsNotThereIsNamed":                     TestAnOperationThatIsNotThereIsNamed,
		"EverythingIsAskedByGetPostAndForm":                    TestEverythingIsAskedByGetPostAndForm,
		"ThePagesOfEverythingAreLinked":                        TestThePagesOfEverythingAreLinked,
		"LastNIsAskedByGetAndPost":                             TestLastNIsAskedByGetAndPost,
		"DocRefIsAskedByGetAndPost":                            TestDocRefIsAskedByGetAndPost,
		"MetaIsReadAtEveryLevelAndChangedByPost":               TestMetaIsReadAtEveryLevelAndChangedByPost,
		"ADifferenceIsAPatchThatTheServerTakes":                TestADifferenceIsAPatchThatTheServerTakes,
		"ADocumentIsMadeOfACompositionAndStoredOnRequest":      TestADocumentIsMadeOfACompositionAndStoredOnRequest,
		"OperationsOnRecordsAreEntriesOfABatch":                TestOperationsOnRecordsAreEntriesOfABatch,
		"APostThatOnlyAsksIsAnEntryOfABundle":                  TestAPostThatOnlyAsksIsAnEntryOfABundle,
		"EachKindOfPatchIsApplied":                             TestEachKindOfPatchIsApplied,
		"APatchThatCannotBeAppliedChangesNothing":              TestAPatchThatCannotBeAppliedChangesNothing,
		"AConditionalPatchActsOnItsOnlyMatch":                  TestAConditionalPatchActsOnItsOnlyMatch,
		"AProvenanceHeaderIsStoredWithTheWrite":                TestAProvenanceHeaderIsStoredWithTheWrite,
		"TheRequestIdMayBecomeMetaSource":                      TestTheRequestIdMayBecomeMetaSource,
		"AReadGivesWhatWasWritten":                             TestAReadGivesWhatWasWritten,
		"AConditionalReadSavesTheBody":                         TestAConditionalReadSavesTheBody,
		"WhatIsNotThereIsExplained":                            TestWhatIsNotThereIsExplained,
		"AVersionCanBeRead":                                    TestAVersionCanBeRead,
		"APartOfAResourceIsTaggedAsSuch":                       TestAPartOfAResourceIsTaggedAsSuch,
		"ReleasesAreStoredBesideEachOther":                     TestReleasesAreStoredBesideEachOther,
		"ASearchIsAskedInAnyOfItsForms":                        TestASearchIsAskedInAnyOfItsForms,
		"ASearchEntrySaysWhyItIsThere":                         TestASearchEntrySaysWhyItIsThere,
		"PagesAreLinkedUntilTheEnd":                            TestPagesAreLinkedUntilTheEnd,
		"ACursorBelongsToItsSearch":                            TestACursorBelongsToItsSearch,
		"UnknownParametersAreRefusedOrNamed":                   TestUnknownParametersAreRefusedOrNamed,
		"APostedSearchNeedsAForm":                              TestAPostedSearchNeedsAForm,
		"TenantsSeeOnlyTheirOwn":                               TestTenantsSeeOnlyTheirOwn,
		"MethodsThatAreNotPossibleAreAnsweredWithThoseThatAre": TestMethodsThatAreNotPossibleAreAnsweredWithThoseThatAre,
		"AnUpdateCreatesOrReplaces":                            TestAnUpdateCreatesOrReplaces,
		"TheServerMayChooseIds":                                TestTheServerMayChooseIds,
		"IfMatchGuardsAnUpdate":                                TestIfMatchGuardsAnUpdate,
		"AConditionalUpdateActsOnItsOnlyMatch":                 TestAConditionalUpdateActsOnItsOnlyMatch,
	} {
		t.Run(name, test)
	}
}
