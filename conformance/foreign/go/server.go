// Serves grpc.testing.TestService on grpc-go, as the conformance suite's own service does.
//
//	server unix:PATH
//
// Prints `ready` when it listens; ends when its stdin does, or on SIGTERM.
//
// What grpc-go 1.33 cannot do: it compresses all responses of a call or none, as the client did with its requests; so
// `response_compressed` and `compressed` are not looked at.
package main

import (
	"context"
	"fmt"
	"io"
	"io/ioutil"
	"log"
	"math"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	_ "google.golang.org/grpc/encoding/gzip" // Takes and gives compressed messages.
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/stats"
	"google.golang.org/grpc/status"

	interop "grpc/testing"
)

const (
	initialKey  = "x-grpc-test-echo-initial"
	trailingKey = "x-grpc-test-echo-trailing-bin"
)

// testService leaves UnimplementedCall to the generated type, which answers UNIMPLEMENTED. A cancelled call needs no care
// where it reads or writes: both fail then, and end the handler.
type testService struct {
	interop.UnimplementedTestServiceServer
}

func (*testService) EmptyCall(context.Context, *interop.Empty) (*interop.Empty, error) {
	return &interop.Empty{}, nil
}

func (*testService) UnaryCall(ctx context.Context, request *interop.SimpleRequest) (*interop.SimpleResponse, error) {
	if err := check(ctx, request.GetPayload(), request.GetExpectCompressed()); err != nil {
		return nil, err
	}
	if err := endWith(request.GetResponseStatus()); err != nil {
		return nil, err
	}
	payload, err := payloadOf(request.GetResponseSize())
	if err != nil {
		return nil, err
	}
	return &interop.SimpleResponse{Payload: payload}, nil
}

func (s *testService) CacheableUnaryCall(ctx context.Context, request *interop.SimpleRequest) (*interop.SimpleResponse, error) {
	return s.UnaryCall(ctx, request)
}

func (*testService) StreamingOutputCall(request *interop.StreamingOutputCallRequest, stream interop.TestService_StreamingOutputCallServer) error {
	return respondTo(request, stream)
}

func (*testService) StreamingInputCall(stream interop.TestService_StreamingInputCallServer) error {
	total := 0
	for {
		request, err := stream.Recv()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		if err := check(stream.Context(), request.GetPayload(), request.GetExpectCompressed()); err != nil {
			return err
		}
		total += len(request.GetPayload().GetBody())
	}
	if total > math.MaxInt32 {
		return status.Errorf(codes.OutOfRange, "%d bytes are more than an int32 tells", total)
	}
	return stream.SendAndClose(&interop.StreamingInputCallResponse{AggregatedPayloadSize: int32(total)})
}

func (*testService) FullDuplexCall(stream interop.TestService_FullDuplexCallServer) error {
	for {
		request, err := stream.Recv()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if err := respondTo(request, stream); err != nil {
			return err
		}
	}
}

func (*testService) HalfDuplexCall(stream interop.TestService_HalfDuplexCallServer) error {
	var requests []*interop.StreamingOutputCallRequest
	for {
		request, err := stream.Recv()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		requests = append(requests, request)
	}
	for _, request := range requests {
		if err := respondTo(request, stream); err != nil {
			return err
		}
	}
	return nil
}

// responses is what the streams of responses have in common.
type responses interface {
	Context() context.Context
	Send(*interop.StreamingOutputCallResponse) error
}

// respondTo sends what request asks for.
func respondTo(request *interop.StreamingOutputCallRequest, stream responses) error {
	if err := check(stream.Context(), request.GetPayload(), nil); err != nil {
		return err
	}
	if err := endWith(request.GetResponseStatus()); err != nil {
		return err
	}
	for _, wanted := range request.GetResponseParameters() {
		if interval := wanted.GetIntervalUs(); interval > 0 {
			select {
			case <-time.After(time.Duration(interval) * time.Microsecond):
			case <-stream.Context().Done():
				return status.FromContextError(stream.Context().Err()).Err()
			}
		}
		payload, err := payloadOf(wanted.GetSize())
		if err != nil {
			return err
		}
		if err := stream.Send(&interop.StreamingOutputCallResponse{Payload: payload}); err != nil {
			return err
		}
	}
	return nil
}

// check refuses a request whose payload has a wrong byte, or which should have been compressed and was not.
func check(ctx context.Context, payload *interop.Payload, expectCompressed *interop.BoolValue) error {
	if err := verify(payload.GetBody()); err != nil {
		return status.Error(codes.InvalidArgument, err.Error())
	}
	if expectCompressed.GetValue() && !lastCompressed(ctx) {
		return status.Error(codes.InvalidArgument, "the request should have been compressed")
	}
	return nil
}

// endWith returns the status that the client asked for, unless that is OK.
func endWith(wanted *interop.EchoStatus) error {
	return status.Error(codes.Code(wanted.GetCode()), wanted.GetMessage())
}

// payloadOf returns a payload of a size that a client asked for.
func payloadOf(size int32) (*interop.Payload, error) {
	if size < 0 || size > maxMessage {
		return nil, status.Errorf(codes.InvalidArgument, "no payload has %d bytes", size)
	}
	return &interop.Payload{Body: content(int(size))}, nil
}

// echoes returns what the request carries under the two keys: for the initial metadata, and for the trailers.
func echoes(ctx context.Context) (initial, trailing metadata.MD) {
	received, _ := metadata.FromIncomingContext(ctx)
	initial, trailing = metadata.MD{}, metadata.MD{}
	initial.Append(initialKey, received.Get(initialKey)...)
	trailing.Append(trailingKey, received.Get(trailingKey)...)
	return initial, trailing
}

func echoOfUnary(ctx context.Context, request interface{}, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (interface{}, error) {
	initial, trailing := echoes(ctx)
	if err := grpc.SetHeader(ctx, initial); err != nil {
		return nil, err
	}
	if err := grpc.SetTrailer(ctx, trailing); err != nil {
		return nil, err
	}
	return handler(ctx, request)
}

func echoOfStream(service interface{}, stream grpc.ServerStream, _ *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	initial, trailing := echoes(stream.Context())
	stream.SetTrailer(trailing)
	if err := stream.SendHeader(initial); err != nil {
		return err
	}
	return handler(service, stream)
}

// compressionKey finds, in a call's context, whether the message that the call received last was compressed.
type compressionKey struct{}

func lastCompressed(ctx context.Context) bool {
	compressed, _ := ctx.Value(compressionKey{}).(*bool)
	return compressed != nil && *compressed
}

// compressionWatch sees each received message before the call's handler does, and in the same goroutine.
type compressionWatch struct{}

func (compressionWatch) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context {
	return context.WithValue(ctx, compressionKey{}, new(bool))
}

func (compressionWatch) HandleRPC(ctx context.Context, event stats.RPCStats) {
	// grpc-go shows no compressed flag, only the sizes. That gzip leaves a message's size as it is would be a rare accident,
	// and never happens to the suite's content.
	const prefix = 5
	if received, ok := event.(*stats.InPayload); ok {
		*ctx.Value(compressionKey{}).(*bool) = received.WireLength-prefix != received.Length
	}
}

func (compressionWatch) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context {
	return ctx
}

func (compressionWatch) HandleConn(context.Context, stats.ConnStats) {}

func main() {
	if len(os.Args) != 2 || !strings.HasPrefix(os.Args[1], "unix:") {
		log.Fatal("usage: server unix:PATH")
	}
	listener, err := net.Listen("unix", strings.TrimPrefix(os.Args[1], "unix:"))
	if err != nil {
		log.Fatal(err)
	}
	server := grpc.NewServer(
		grpc.MaxRecvMsgSize(maxMessage),
		grpc.MaxSendMsgSize(maxMessage),
		grpc.UnaryInterceptor(echoOfUnary),
		grpc.StreamInterceptor(echoOfStream),
		grpc.StatsHandler(compressionWatch{}),
	)
	interop.RegisterTestServiceServer(server, &testService{})
	go stopWhenAsked(server)
	fmt.Println("ready")
	if err := server.Serve(listener); err != nil {
		log.Fatal(err)
	}
}

// stopWhenAsked stops the server when stdin ends, and on SIGTERM.
func stopWhenAsked(server *grpc.Server) {
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGTERM)
	stdin := make(chan struct{})
	go func() {
		_, _ = io.Copy(ioutil.Discard, os.Stdin)
		close(stdin)
	}()
	select {
	case <-asked:
	case <-stdin:
	}
	server.Stop()
}
