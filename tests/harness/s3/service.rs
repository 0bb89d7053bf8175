//! The operations, as `s3s` calls them.

use std::sync::Arc;

use s3s::auth::SimpleAuth;
use s3s::dto::{
    AbortMultipartUploadInput, AbortMultipartUploadOutput, CompleteMultipartUploadInput,
    CompleteMultipartUploadOutput, CreateMultipartUploadInput, CreateMultipartUploadOutput,
    DeleteObjectInput, DeleteObjectOutput, GetObjectInput, GetObjectOutput, HeadObjectInput,
    HeadObjectOutput, ListMultipartUploadsInput, ListMultipartUploadsOutput, ListObjectsV2Input,
    ListObjectsV2Output, PutObjectInput, PutObjectOutput, UploadPartInput, UploadPartOutput,
};
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s::{S3, S3Request, S3Response, S3Result};

use super::fault::Fault;
use super::state::State;
use super::{listing, multipart, objects};

pub(super) fn authenticated(state: Arc<State>, access_key: &str, secret_key: &str) -> S3Service {
    let mut builder = S3ServiceBuilder::new(Service(state));
    builder.set_auth(SimpleAuth::from_single(access_key, secret_key));
    builder.build()
}

struct Service(Arc<State>);

/// The fault that the wire put on the request, for those that happen inside the server.
fn fault<T>(request: &S3Request<T>) -> Option<Fault> {
    request.extensions.get::<Fault>().cloned()
}

fn answer<T>(result: S3Result<T>) -> S3Result<S3Response<T>> {
    result.map(S3Response::new)
}

#[async_trait::async_trait]
impl S3 for Service {
    async fn put_object(&self, request: S3Request<PutObjectInput>) -> S3Result<S3Response<PutObjectOutput>> {
        let fault = fault(&request);
        answer(objects::put(&self.0, request.input, fault.as_ref()).await)
    }

    async fn get_object(&self, request: S3Request<GetObjectInput>) -> S3Result<S3Response<GetObjectOutput>> {
        answer(objects::get(&self.0, &request.input, fault(&request).as_ref()))
    }

    async fn head_object(
        &self,
        request: S3Request<HeadObjectInput>,
    ) -> S3Result<S3Response<HeadObjectOutput>> {
        answer(objects::head(&self.0, &request.input))
    }

    async fn delete_object(
        &self,
        request: S3Request<DeleteObjectInput>,
    ) -> S3Result<S3Response<DeleteObjectOutput>> {
        answer(objects::delete(&self.0, &request.input))
    }

    async fn list_objects_v2(
        &self,
        request: S3Request<ListObjectsV2Input>,
    ) -> S3Result<S3Response<ListObjectsV2Output>> {
        let fault = fault(&request);
        answer(listing::objects(&self.0, request.input, fault.as_ref()))
    }

    async fn create_multipart_upload(
        &self,
        request: S3Request<CreateMultipartUploadInput>,
    ) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
        answer(multipart::create(&self.0, request.input))
    }

    async fn upload_part(
        &self,
        request: S3Request<UploadPartInput>,
    ) -> S3Result<S3Response<UploadPartOutput>> {
        let fault = fault(&request);
        answer(multipart::part(&self.0, request.input, fault.as_ref()).await)
    }

    async fn complete_multipart_upload(
        &self,
        request: S3Request<CompleteMultipartUploadInput>,
    ) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
        let fault = fault(&request);
        answer(multipart::complete(&self.0, request.input, fault.as_ref()))
    }

    async fn abort_multipart_upload(
        &self,
        request: S3Request<AbortMultipartUploadInput>,
    ) -> S3Result<S3Response<AbortMultipartUploadOutput>> {
        answer(multipart::abort(&self.0, &request.input))
    }

    async fn list_multipart_uploads(
        &self,
        request: S3Request<ListMultipartUploadsInput>,
    ) -> S3Result<S3Response<ListMultipartUploadsOutput>> {
        answer(listing::uploads(&self.0, request.input))
    }
}
