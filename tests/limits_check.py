#!/usr/bin/env python3
"""Every row of docs/limits.md is reached by a test.

That is a case of tests/conformance/limits_test.cc, which bears the row's first column as its name, or
a test named here. Whether those tests exist is checked; what they do is not.
"""
import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent
CASES = ROOT / "tests/conformance/limits_test.cc"

# Row -> file and tests that reach it. Limits that cannot be reached from outside at a bearable price
# are reached by unit tests, with a smaller number where it is an option.
REACHED_BY = {
    "datagrams that wait for a link, of one client; before the link is open":
        ("src/teleport/v2/multiplexer_test.cc", "MultiplexerTest.DropsDatagramsThatAreTooManyOrTooLarge"),
    "bytes that wait for a link, with which it takes no datagrams":
        ("src/teleport/v2/multiplexer_test.cc", "MultiplexerTest.TakesNoDatagramsWhileTheLinkIsFull"),
    "a datagram on a link, bytes":
        ("src/teleport/v2/multiplexer_test.cc", "MultiplexerTest.DropsDatagramsThatAreTooManyOrTooLarge"),
    "parts of a batch on the wire, bytes of each":
        ("src/teleport/v2/batch_decoder_test.cc", "BatchDecoder.RefusesLengthsThatAreTooLargeAtOnce"),
    "what a batch becomes, main part and frames, bytes of each":
        ("src/teleport/v2/batch_decoder_test.cc", "BatchDecoder.RefusesAPieceThatBecomesTooMuch",
         "BatchDecoder.RefusesKnownLinesThatBecomeTooMuch", "BatchDecoder.RefusesKnownBodiesThatBecomeTooMuch"),
    "frames that a sender puts into a batch, bytes":
        ("src/teleport/v2/batch_encoder_test.cc", "BatchEncoder.TakesTheLargestBatchOfEveryKind"),
    "main part before another zstd frame may begin, bytes at least":
        ("src/teleport/v2/zstd_stream_test.cc", "ZstdDecoder.RefusesAPeerThatBeginsFramesTooOften"),
    "zstd window of a link's direction, bytes":
        ("src/teleport/v2/zstd_stream_test.cc", "ZstdDecoder.RefusesALargerWindow"),
    "header lines remembered of a direction; bytes of them":
        ("src/teleport/v2/line_table_test.cc", "LineTable.EvictsTheFirstWhenAllAreInUse",
         "LineTable.IsNeverOverItsBytesEvenIfAllLinesAreInUse"),
    "a header line remembered, bytes":
        ("src/teleport/v2/line_table_test.cc", "LineTable.TakesLinesOfFourToFourThousandAndNinetySixBytes"),
    "identifiers remembered of a direction; blocks of secrets":
        ("src/teleport/v2/id_table_test.cc", "ReceivedIds.AreTheLastSoMany"),
    "bodies remembered of a direction, bytes; of one of them":
        ("src/teleport/v2/body_table_test.cc", "ReceivedBodies.TakeAQuarterOfTheirMemoryAtMost",
         "ReceivedBodies.ForgetWhatTheyWriteOver"),
    "requests of a client of the library without an answer":
        ("src/api/client_server_test.cc", "ClientAndServer.RefuseMoreThanMaxPendingAtOnce"),
    "request head that a client of the library sends, bytes":
        ("src/api/client_server_test.cc", "Client.RefusesWhatCannotBeSent"),
    "response head that it takes, bytes":
        ("src/api/transports_test.cc", "Limits.AResponseHeadOverTheClientsLimitFailsAlone"),
    "response body that it takes, bytes":
        ("src/api/transports_test.cc", "Limits.AResponseBodyOverTheClientsLimitFailsAlone"),
    "requests that a server of the library handles at a time":
        ("src/api/client_server_test.cc", "Server.AnswersOverItsConcurrencyWith429"),
    "request head, request body that it takes, bytes":
        ("src/api/client_server_test.cc", "Server.RefusesLargeRequestsAlone"),
    "response head, response body that it sends, bytes":
        ("src/api/transports_test.cc", "Limits.AServersAnswerOverItsOwnLimitsBecomes502"),
    "request body kept to repeat a failed attempt, bytes":
        ("src/proxy/exchange_attempts_test.cc", "ExchangeTest.DoesNotRepeatWhatItHasNotKept"),
    "request body from a link that waits for a slow endpoint, bytes":
        ("src/proxy/teleport_session_test.cc", "TeleportSessionTest.RefusesABodyThatItWouldHaveToHoldForTooLong"),
    "response body from a link that waits for a slow client, bytes":
        ("tests/integration/flags_link_test.cc", "FlagsLink.OutMaxBodySizeBoundsResponsesThatWaitForASlowClient"),
    "requests of one link at its near end":
        ("src/upstream/teleport_link_limits_test.cc", "TeleportLinkTest.RefusesRequestsOverThePendingLimit"),
    "bytes behind a request for an upgrade":
        ("src/proxy/tunnel_test.cc", "TunnelTest.HoldsWhatFollowsTheOfferUntilTheSwitch"),
    "attempts of one request after one that an endpoint may have seen":
        ("src/proxy/exchange_attempts_test.cc", "ExchangeTest.GivesUpAfterSoManyAttempts"),
    "attempts of one request in all":
        ("src/proxy/exchange_attempts_test.cc", "ExchangeTest.GivesUpAfterSoManyAttemptsInAll"),
    "attempts of one request at a time":
        ("src/proxy/exchange_time_test.cc", "ExchangeTest.TriesAThirdEndpointWhenTwoAreSilentAndStopsBothAtTheEnd"),
    "repeats of a worker's requests, in ten seconds":
        ("tests/integration/flags_balancing_test.cc", "FlagsBalancing.OutRetryBudgetBoundsRepeats"),
    "endpoints out of service because of bad answers, of a cluster":
        ("tests/integration/flags_balancing_test.cc", "FlagsBalancing.OutEjectShareIsTheMostThatMayBeLeftAlone"),
    "descriptors of the process":
        ("src/net/listener_test.cc", "ListenerTest.WaitsAWhileWhenThereAreNoDescriptorsLeftAndGoesOnAfterThat"),
    "of these, in use when a client's connection is accepted":
        ("tests/integration/overload_test.cc", "Overload.OfDescriptorsLetsNewClientsWait"),
    "connections that wait to be accepted, a listening socket":
        ("src/net/listener_test.cc", "ListenOn.LetsABoundedNumberWaitToBeAccepted"),
    "connections that wait for their PROXY headers, a worker":
        ("src/net/proxy_intake_test.cc", "ProxyIntakeTest.BoundsHowManyWait"),
    "input dropped on one of them, bytes":
        ("src/net/lingering_test.cc", "LingeringTest.GivesUpOnAPeerThatSendsWithoutEnd"),
    "idle connections to one HTTP endpoint, a worker":
        ("src/upstream/http1_pool_test.cc", "Http1PoolTest.KeepsTheConnectionsThatBecameIdleLastUpToTheLimit"),
    "idle connections bound to one client (`-outProxyProtocol`)":
        ("src/upstream/bound_connections_test.cc", "BoundConnectionsTest.MakeWayForThoseOfNewerClients"),
    "descriptors in `LISTEN_FDS`":
        ("src/server/service_manager_test.cc", "InheritedSocketsTest.AreCheckedOneByOne"),
    "connections that only finish sending, a worker":
        ("src/net/lingering_test.cc", "LingeringTest.DropsTheOldestOverTheLimit"),
    "active checks of one endpoint under way, a worker":
        ("src/upstream/health_check_test.cc", "HealthCheckTest.CountsSilenceAndRefusalAsBad"),
    "links to one endpoint, a worker":
        ("tests/integration/flags_link_test.cc", "FlagsLink.OutConnsPerAddrIsTheNumberOfLinks"),
    "a document of the API, a state file, `-config`, bytes":
        ("src/service/json_read_test.cc", "ReadConfig.BoundsTheDocument"),
    "levels of a document":
        ("src/service/json_reader_test.cc", "JsonReader.BoundsTheDepth"),
    "elements of all lists of a document together; members of all its `error_pages`":
        ("src/service/json_read_test.cc", "ReadConfig.BoundsTheDocument"),
    "services of a document; backends of all its services":
        ("src/service/json_read_test.cc", "ReadConfig.BoundsServicesAndBackends"),
    "values, names and brackets of a document, 16 bytes each":
        ("src/service/json_reader_test.cc", "JsonReader.BoundsTheTokens"),
    "warnings of unknown members":
        ("src/service/json_read_test.cc", "ReadConfig.BoundsTheDocument"),
    "names of services and backends, bytes":
        ("src/service/value_forms_test.cc", "ValueForms.NamesArePartsOfAPathOfTheApi"),
    "the text of an error page, bytes":
        ("src/service/value_forms_test.cc", "ValueForms.TextsOfErrorPagesAreBounded"),
    "the address of an error page, bytes":
        ("src/service/value_forms_test.cc", "ValueForms.ErrorPagesAreThoseThatCanBeFetched"),
    "what a check sends, and what it expects, bytes":
        ("src/service/validate_test.cc", "Validate.SaysFieldValueAndWhatIsAccepted"),
    "durations":
        ("src/service/validate_test.cc", "Validate.SaysFieldValueAndWhatIsAccepted"),
    "a backend's weight":
        ("src/service/validate_test.cc", "Validate.SaysFieldValueAndWhatIsAccepted"),
    "versions that can be rolled back to":
        ("src/service/registry_test.cc", "RegistryTest.RollsBackToVersionsOfItsHistory"),
    "configurations that wait for the state file":
        ("src/service/state_file_test.cc", "StateFile.WritesOnlyTheNewestOfWhatWaitsAndAnswersInOrder"),
    "changes that stand in the journal beside the state file alone, bytes":
        ("src/service/journal_test.cc", "StateJournal.IsNeverLongerThanAQuarterOfTheStateFile"),
    "kept broken state files":
        ("src/service/whole_file_test.cc", "WholeFile.KeepsABoundedNumberOfBrokenOnes"),
    "connections to `-admin`, and to `-metrics-addr`":
        ("src/admin/local_server_test.cc", "LocalServerConnections.AreBounded"),
    "head of a request to the API, bytes":
        ("src/admin/admin_servers_test.cc", "AdminServersTest.TakeLongHeads"),
    "body of a request to the API, bytes":
        ("src/admin/service_api_test.cc", "ServiceApiTest.RefusesABodyThatIsTooLong"),
    "bodies of such requests together, bytes, a server":
        ("src/admin/local_server_test.cc", "LocalServerBodies.AreBoundedTogether"),
    "token file, bytes":
        ("src/admin/request_guard_test.cc", "AdminTokenTest.IsNotReadFromALongFile"),
    "listeners to events":
        ("src/admin/event_stream_test.cc", "EventStreamTest.BoundsTheNumberOfStreams"),
    "events kept, and by how many a listener may be behind":
        ("src/admin/event_stream_test.cc", "EventStreamTest.DisconnectsAListenerThatDoesNotListen"),
    "a text in an event, bytes; changes told in one":
        ("src/admin/event_stream_test.cc", "EventStreamTest.BoundsWhatOneEventTells"),
    "names with a certificate, wanted, or failed":
        ("src/acme/name_table_test.cc", "NameTableTest.BoundsNamesQueueAndOrdersAtATime"),
    "names whose order has not begun":
        ("src/acme/name_table_test.cc", "NameTableTest.BoundsNamesQueueAndOrdersAtATime"),
    "orders at a time, of different names":
        ("src/acme/name_table_test.cc", "NameTableTest.BoundsNamesQueueAndOrdersAtATime"),
    "orders begun in any hour":
        ("src/acme/schedule_test.cc", "OrderBudget.BoundsAnyHour"),
    "a name, bytes; a label of it":
        ("src/acme/host_name_test.cc", "CanonicalHostName.BoundsLabelsAndNames"),
    "answer of the CA, bytes":
        ("src/acme/http_client_test.cc", "HttpClient.BoundsTheAnswer"),
    "one request to the CA; connecting":
        ("src/acme/http_client_test.cc", "HttpClient.GivesUpAServerThatIsSilent"),
    "requests repeated because of their nonce":
        ("src/acme/ca_client_test.cc", "CaClientTest.GivesUpWhenEveryNonceIsBad"),
    "one order":
        ("tests/integration/acme_pebble_test.cc", "AcmePebble.GivesUpAnOrderThatTakesTooLong"),
    "pause after a failure of a name, first; at most":
        ("src/acme/schedule_test.cc", "Backoff.GrowsToItsEnd"),
    "the same while the CA is down, at most":
        ("src/acme/schedule_test.cc", "Backoff.IsShortWhileTheCaIsDown"),
    "the CA's Retry-After":
        ("src/acme/schedule_test.cc", "Backoff.HonoursWhatTheCaAsksForWithinReason"),
    "one file of the cache, bytes":
        ("src/acme/store_test.cc", "StoreTest.ReadsNoMoreOfAFileThanItsLimit"),
    "unsent bytes of one connection, tunnels included, high mark":
        ("src/net/connection_test.cc", "ConnectionTest.TellsWhenItsOutputIsOverTheHighWatermarkAndBelowTheLowOne"),
    "the same, low mark":
        ("src/net/connection_test.cc", "ConnectionTest.TellsWhenItsOutputIsOverTheHighWatermarkAndBelowTheLowOne"),
    "responses queued at a far end, bytes of memory":
        ("src/proxy/teleport_session_flood_test.cc",
         "TeleportSessionFlood.IsNotReadFurtherWhileItsAnswersAreNotTaken"),
    "responses queued at a far end over v2, bytes":
        ("src/proxy/teleport_v2_flow_test.cc", "TeleportV2FlowTest.AnswersThatNobodyTakesAreBounded"),
    "request body from a v2 link that is held for a slow endpoint, or is on its way, bytes; of all requests of the link":
        ("src/proxy/teleport_v2_flow_test.cc", "TeleportV2FlowTest.HoldsNoMoreThanTheWindowAndServesTheOthers"),
    "response body that waits for one stream of a v2 link, bytes":
        ("src/proxy/teleport_v2_flow_test.cc", "TeleportV2FlowTest.SendsALargeAnswerAsItsReaderTakesIt"),
    "hello of a v2 link, bytes":
        ("src/proxy/link_acceptor_test.cc", "LinkAcceptorV2Test.ClosesOnAHelloThatIsNone"),
    "streams that a v2 peer has open at a far end":
        ("src/proxy/teleport_v2_end_test.cc", "TeleportV2EndTest.RefusesStreamsThatItHasToldThePeerNotToOpen"),
    "frames that answer those of a v2 peer, and wait, bytes":
        ("src/teleport/v2/multiplexer_test.cc", "MultiplexerTest.APeerThatAsksWithoutReadingIsRefused"),
    "any head or trailers on a v2 link, bytes":
        ("src/proxy/teleport_v2_session_test.cc", "TeleportV2SessionTest.RefusesOneBadHeadAndReadsOn"),
    "frames of a v2 link that are read in a turn, bytes":
        ("src/proxy/teleport_v2_flow_test.cc", "TeleportV2FlowTest.ReadsSoMuchATurn"),
    "a v2 peer that takes nothing of a response whose queue is full, but for tunnels":
        ("src/proxy/teleport_v2_flow_test.cc", "TeleportV2FlowTest.GivesUpAnAnswerOfWhichNothingIsTakenForLong"),
    "queued messages that end a batch before its delay, bytes":
        ("src/upstream/link_sender_test.cc", "LinkSenderTest.SendsABatchThatIsLargeEnoughBeforeItsDelayIsOver"),
    "uncompressed data of a snappy chunk, bytes":
        ("src/compress/snappy_framing_test.cc", "SnappyDecoder.RefusesAllThatTheFormatForbids"),
    "bytes decompressed before they are used, a link":
        ("src/compress/stream_test.cc", "EveryStream.BombStaysWithinTheSpan"),
    "input dropped on a connection that only finishes sending, bytes":
        ("src/net/lingering_test.cc", "LingeringTest.GivesUpOnAPeerThatSendsWithoutEnd"),
    "free blocks kept for reuse, a worker, of 2 KiB and of 16 KiB":
        ("src/base/buffer_test.cc", "BlockPool.KeepsABoundedNumberOfFreeBlocks"),
    "a line of the program's log, bytes":
        ("src/base/log_test.cc", "LogTest.BoundsALine"),
    "a value in it, bytes":
        ("src/base/log_test.cc", "LogTest.BoundsALine"),
    "the same text within `LogOptions::repeat_window` (10 s)":
        ("src/base/log_test.cc", "LogTest.HoldsRepeatsBackAndTellsHowManyWhenTheWindowEnds"),
    "texts whose repeats are counted at one time":
        ("src/base/log_test.cc", "LogTest.LosesNoCountWhenThereAreMoreTextsThanSlots"),
    "access log: method, target, host, user agent, referer, others, bytes":
        ("src/proxy/access_log_format_test.cc", "AccessLogFormat.BoundsEveryValueAndWithThemTheLine"),
    "access log: lines gathered in a worker, bytes":
        ("src/proxy/access_log_test.cc",
         "AccessLogTest.WritesAFullBlockAtOnce",
         "AccessLogTest.WritesASecondLaterWithoutBeingTold"),
    "access log: blocks of 64 KiB that wait to be written":
        ("src/proxy/access_log_test.cc", "AccessLogTest.DropsAndCountsWhatNobodyReads"),
    "access log: a pipe that takes nothing":
        ("src/proxy/access_log_test.cc", "AccessLogTest.DropsTheBlockThatAPipeDoesNotTakeInTime"),
    "the same at the program's end":
        ("src/proxy/access_log_test.cc", "AccessLogTest.DropsAndCountsWhatNobodyReads"),
    "a request id that comes, bytes":
        ("src/proxy/request_id_test.cc", "RequestIdTest.ReplacesWhatIsNoIdOrTooLongOrTwice"),
    "ready descriptors":
        ("src/event/loop_test.cc", "Loop.TellsABoundedNumberInOneTurnAndTheRestLater"),
    "accepted connections, a listening socket":
        ("src/net/listener_test.cc", "ListenerTest.TakesABoundedNumberInOneTurnAndTheRestLater"),
    "reads of one connection in a row":
        ("src/net/connection_test.cc", "ConnectionTest.TakesTurnsWithOtherConnections"),
    "bytes of one read":
        ("src/net/connection_test.cc", "ConnectionTest.TakesTurnsWithOtherConnections"),
    "zstd window of a v2 link that is received, bytes":
        ("src/teleport/v2/zstd_stream_test.cc", "ZstdDecoder.RefusesALargerWindow"),
    "header lines remembered of a v2 link that is received, bytes":
        ("src/teleport/v2/line_table_test.cc", "LineTable.IsNeverOverItsBytesEvenIfAllLinesAreInUse"),
    "bodies remembered of it, bytes":
        ("src/teleport/v2/body_table_test.cc", "ReceivedBodies.ForgetWhatTheyWriteOver"),
    "bytes decompressed from a link, beyond the last piece":
        ("src/proxy/teleport_session_flood_test.cc", "TeleportSessionFlood.CostsAStepATurn"),
    "bytes encoded for a link, beyond the last message begun":
        ("src/teleport/v0/batch_writer_test.cc", "BatchWriterOf.BoundsTheWorkOfAStepAndFlushesEach"),
    "from our FIN to the end of a refused client":
        ("src/net/lingering_test.cc", "LingeringTest.GivesUpOnAPeerThatNeverEnds"),
    "a TLS handshake":
        ("tests/integration/flags_tls_test.cc", "FlagsTls.InHandshakeTimeoutEndsSilentConnections"),
    "a request's first byte to its head's end":
        ("tests/integration/flags_limits_test.cc", "FlagsLimits.InHeadTimeoutEndsSlowHeads"),
    "between two reads of a request body":
        ("tests/integration/flags_limits_test.cc", "FlagsLimits.InBodyIdleTimeoutEndsBodiesThatPause"),
    "between two requests, and before the first":
        ("tests/integration/flags_limits_test.cc", "FlagsLimits.InKeepAliveTimeoutEndsIdleConnections"),
    "a client that takes nothing of what is over the high mark, but for tunnels":
        ("tests/integration/flags_limits_test.cc", "FlagsLimits.InWriteIdleTimeoutEndsClientsThatDoNotRead"),
    "a peer that takes none of the last bytes of a connection that is over":
        ("src/net/lingering_test.cc", "LingeringTest.GivesUpOnAPeerThatNeverEnds"),
    "our FIN to the peer's":
        ("src/net/lingering_test.cc", "LingeringTest.GivesUpOnAPeerThatNeverEnds"),
    "end of the request to the response's head, all attempts together":
        ("tests/integration/flags_limits_test.cc", "FlagsLimits.OutTimeoutEndsTheWaitForAResponse"),
    "a request's head to the end of its response, tunnels excepted":
        ("tests/integration/flags_limits_test.cc", "FlagsLimits.OutTotalTimeoutEndsRequestsWithTheirResponses"),
    "pause inside a response, or of an endpoint that takes no more of a request":
        ("tests/integration/flags_limits_test.cc", "FlagsLimits.OutIdleTimeoutEndsResponsesThatPause"),
    "tunnel (WebSocket) in which nothing moves either way":
        ("tests/integration/flags_limits_test.cc", "FlagsLimits.TunnelIdleTimeoutEndsSilentTunnels"),
    "an endpoint that takes none of the last bytes of a tunnel":
        ("src/proxy/tunnel_test.cc", "TunnelTest.GivesUpOnAnEndpointThatTakesNothingOfWhatIsLeft"),
    "the same two, of a request that came over a v2 link":
        ("tests/integration/flags_limits_test.cc",
         "FlagsLimits.OutTimeoutsTravelWithARequestOverALink"),
    "an attempt without an answer, where there is another endpoint":
        ("tests/integration/flags_balancing_test.cc", "FlagsBalancing.OutTryTimeoutIsTheWaitForOneAttempt"),
    "connecting to an HTTP endpoint":
        ("tests/integration/flags_limits_test.cc", "FlagsLimits.OutConnectTimeoutEndsAttempts"),
    "idle connection to an HTTP endpoint":
        ("src/upstream/http1_pool_test.cc", "Http1PoolTest.ClosesAConnectionThatIsIdleForTooLong"),
    "an endpoint that fails is left alone, first time":
        ("src/upstream/ejection_test.cc", "EjectionTest.DoublesThePauseWithEachFailedProbeUpToTheLimit"),
    "the same pause, at most":
        ("src/upstream/ejection_test.cc", "EjectionTest.DoublesThePauseWithEachFailedProbeUpToTheLimit"),
    "bad answers in a row before that":
        ("src/upstream/ejection_test.cc", "EjectionTest.TakesOutAfterSoManyBadResultsInARow"),
    "bad answers in ten seconds, of at least 20":
        ("src/upstream/ejection_test.cc", "EjectionTest.TakesOutByTheShareOfBadResultsInTenSeconds"),
    "failures to connect in a row before that":
        ("src/upstream/ejection_test.cc", "EjectionTest.TriesAsManyConnectsAsThereAreAddresses"),
    "active checks that fail in a row before it is out":
        ("src/upstream/health_check_test.cc",
         "HealthCheckTest.TakesAnEndpointOutAfterThreeBadAnswersAndBackAfterTwoGoodOnes"),
    "an active check, to the answer's head":
        ("src/upstream/health_check_test.cc", "HealthCheckTest.CountsSilenceAndRefusalAsBad"),
    "SIGUSR2 to the new process serving":
        ("src/server/handover_test.cc", "SuccessorTest.IsEndedWhenItIsNotReadyInTime"),
    "requests and tunnels under way at SIGTERM":
        ("tests/integration/flags_limits_test.cc", "FlagsLimits.ShutdownTimeoutBoundsTheWaitForRequests"),
    "near end: TCP connect, then again the handshake":
        ("src/upstream/teleport_link_test.cc", "TeleportLinkTest.FailsWhatWaitsWhenTheHandshakeDoesNotComeInTime"),
    "near end: idle":
        ("src/upstream/teleport_link_test.cc", "TeleportLinkTest.ClosesALinkThatIsIdle"),
    "near end: pause before connecting again, first":
        ("src/upstream/teleport_link_failures_test.cc",
         "TeleportLinkTest.WaitsLongerBeforeEachReconnectUpToTheLimit"),
    "pause before connecting again, at most":
        ("src/upstream/teleport_link_failures_test.cc",
         "TeleportLinkTest.WaitsLongerBeforeEachReconnectUpToTheLimit"),
    "near end: requests go out, nothing comes back":
        ("src/upstream/teleport_link_limits_test.cc", "TeleportLinkTest.GivesUpAPeerThatIsSilent"),
    "far end: handshake, and then again that of TLS; within the last of them the hello of v2":
        ("src/proxy/link_acceptor_test.cc", "LinkAcceptorTest.GivesTheHandshakeADeadline"),
    "far end: idle":
        ("src/proxy/teleport_session_test.cc", "TeleportSessionTest.ClosesALinkThatIsIdle"),
    "sent bytes unacknowledged, or not taken; silence to keep-alive probes":
        ("src/net/listener_test.cc", "DeadPeerTimeout.IsTheKernelsForBytesAndForSilence"),
    "a message waiting for others":
        ("tests/integration/flags_link_test.cc",
         "FlagsLink.InDelayLetsResponsesShareABatch",
         "FlagsLink.OutDelayLetsRequestsShareABatch"),
    "clients whose limits are kept, each table":
        ("src/net/client_buckets_test.cc",
         "ClientBuckets.ForgetsTheClientThatHasBeenIdleLongest",
         "ClientBuckets.KeepsClientsThatHaveSomethingOpen"),
    "checks under way in all":
        ("src/health/monitor_test.cc", "MonitorTest.BoundsChecksUnderWay"),
    "checks begun in a turn of the loop":
        ("src/health/monitor_test.cc", "MonitorTest.BeginsABoundedNumberOfChecksInATurn"),
    "a check, with all addresses of its target":
        ("src/health/monitor_test.cc", "MonitorTest.GivesUpPeersThatAreSilentOrNeverEnd"),
    "head of a target's answer, bytes":
        ("src/health/answer_test.cc", "HttpAnswer.IsBoundedInEveryPart"),
    "heads with a status of 1xx before it":
        ("src/health/answer_test.cc", "HttpAnswer.IsBoundedInEveryPart"),
    "bytes of an answer in which a text is looked for":
        ("src/health/answer_test.cc", "HttpAnswer.IsBoundedInEveryPart"),
    "bytes of a client before its endpoint is connected":
        ("src/relay/tcp_service_test.cc", "TcpServiceTest.SendsWhatTheClientSentBeforeThereWasAnEndpoint"),
    "unsent bytes of one direction":
        ("src/relay/tcp_service_test.cc", "TcpServiceTest.HoldsLittleForASlowReader"),
    "pipes in use, a worker":
        ("src/net/pipe_pool_test.cc", "PipePool.BoundsThePipesThatAreOut"),
    "bytes of a large answer in a pipe":
        ("src/proxy/piped_answer_test.cc", "PipedAnswerTest.ASlowClientHoldsItUp"),
    "datagrams of one listening socket a turn":
        ("src/relay/udp_service_test.cc",
         "UdpServiceTest.TakesABoundedNumberOfDatagramsInOneTurnAndTheRestLater"),
    "one endpoint's address taking a connection":
        ("src/relay/tcp_service_test.cc", "TcpServiceTest.TriesAnotherEndpointWhenConnectingTakesTooLong"),
    "attempts of one connection":
        ("src/relay/tcp_service_test.cc", "TcpServiceTest.ResetsTheClientWhenNobodyCanBeReached"),
    "UDP sessions, a worker and service":
        ("src/relay/udp_service_test.cc", "UdpServiceTest.HasALimitOfSessions"),
    "a UDP session without datagrams":
        ("src/relay/udp_service_test.cc", "UdpServiceTest.ForgetsAClientThatIsIdle"),
    "a datagram, bytes":
        ("src/relay/udp_bridge_test.cc", "UdpBridgeTest.EndsASessionWhoseFramingIsBroken"),
    "endpoints that refuse one datagram":
        ("src/relay/udp_service_test.cc", "UdpServiceTest.MovesOnWhenAnEndpointRefuses"),
    "bytes that wait for an endpoint that is a stream; before it is connected":
        ("src/relay/udp_bridge_test.cc", "UdpBridgeTest.HoldsLittleForAnEndpointThatReadsNothing"),
    "what is open of a service, of each of its clients; what begins in a second":
        ("src/live/service_limits_test.cc", "ServiceLimits.BoundsWhatIsOpen",
         "ServiceLimits.BoundsWhatBeginsAndSaysWhenToComeAgain", "ServiceLimits.BoundsEachClientApart"),
    "the same of a backend":
        ("tests/integration/shuttle_limits_test.cc", "ShuttleLimits.OfABackendLetRequestsWait"),
    "a host by which a request finds its service, bytes":
        ("src/live/virtual_hosts_test.cc", "VirtualHostsTest.FindsNobodyForANameThatIsTooLong"),
    "request head of a client of `shuttle`, bytes":
        ("tests/integration/shuttle_limits_test.cc", "ShuttleLimits.OfHeadsAre64KiB"),
    "request body of a client of `shuttle`, bytes":
        ("tests/integration/shuttle_limits_test.cc", "ShuttleLimits.OfBodiesAreAFlags"),
    "one file of a certificate or key, bytes":
        ("src/tls/certificate_folder_test.cc",
         "CertificateFolderTest.TellsOnceOfPairsThatCannotBeUsedAndUsesTheOthers"),
    "a page, bytes":
        ("src/fetch/error_pages_test.cc", "ErrorPagesTest.BoundsSizeAndTime"),
    "getting a page, with redirects":
        ("src/fetch/error_pages_test.cc", "ErrorPagesTest.BoundsSizeAndTime"),
    "redirects":
        ("src/fetch/error_pages_test.cc", "ErrorPagesTest.FollowsAFewRedirects"),
    "threads that fetch":
        ("src/event/refresher_test.cc", "RefresherTest.IsNotHeldUpByJobsThatTakeLong"),
    "an answer of the admin API, bytes":
        ("src/cli/client_test.cc", "Client.RefusesAnAnswerThatIsTooLarge"),
    "waiting for one":
        ("tests/integration/shuttle_cli_test.cc", "ShuttleCli.AServerThatIsSilentIsCode3"),
    "an event that `tail` follows, bytes":
        ("src/cli/event_stream_test.cc", "EventStream.LeavesAnEventOutThatIsTooLong"),
    "silence of a stream of events":
        ("src/cli/client_test.cc", "Client.LeavesAStreamThatIsSilentForTooLong"),
}


def rows():
    """The first column of the table, headings left out."""
    lines = (ROOT / "docs/limits.md").read_text(encoding="utf-8").splitlines()
    cells = [line.split("|")[1].strip() for line in lines if line.startswith("|")]
    assert cells[0] == "what", cells[0]
    return [cell for cell in cells[2:] if not cell.startswith("**")]


def case_rows():
    """The string literals of the table of cases; literals that stand side by side are one."""
    text = re.sub(r"\"\s*\n\s*\"", "", CASES.read_text(encoding="utf-8"))
    return set(re.findall(r'(?:ClientCase|EndpointCase|LinkCase|Behaviour)\{\s*"((?:[^"\\]|\\.)*)"', text))


def has_test(path, name):
    suite, _, test = name.partition(".")
    pattern = rf"TEST(?:_F|_P)?\(\s*{suite},\s*{test}\s*\)"
    return re.search(pattern, (ROOT / path).read_text(encoding="utf-8")) is not None


class Limits(unittest.TestCase):
    def test_rows_have_names_of_their_own(self):
        self.assertEqual(len(rows()), len(set(rows())))

    def test_every_row_is_reached(self):
        known = case_rows() | set(REACHED_BY)
        self.assertEqual([row for row in rows() if row not in known], [])

    def test_what_is_reached_is_a_row(self):
        known = case_rows() | set(REACHED_BY)
        self.assertEqual(sorted(known - set(rows())), [])

    def test_the_tests_exist(self):
        missing = [f"{path}: {name}" for path, *names in REACHED_BY.values() for name in names
                   if not has_test(path, name)]
        self.assertEqual(missing, [])

    def test_no_row_is_listed_twice(self):
        self.assertEqual(sorted(case_rows() & set(REACHED_BY)), [])


if __name__ == "__main__":
    unittest.main()
